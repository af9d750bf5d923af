/** The kernel ABI: every export of the full modules. README.md says what each does and how memory is laid out. */

export { abi, base } from "./abi"
export { philoxBlock } from "./philox"

export { codecKey } from "./codec-stream"
export { peakBits } from "./codec-scale"
export { encodeBlocks } from "./codec-blocks"
export { foldF32, foldBlocks } from "./fold"
