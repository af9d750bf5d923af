/** The kernel ABI: every export of the full modules. README.md says what each does and how memory is laid out. */

export { abi, base } from "./abi"
export { philoxBlock } from "./philox"
