/** The minimal profile for microcontrollers: dense layers, softmax, SGD, int8 encoding; scalar, pure MVP, at most 2 KB. */

export { base } from "./control"
export { encode } from "./mcu-encode"
export { advance, begin, setup } from "./mcu-train"

export function abi(): i32 {
  return 1
}

// Everything is in place already: any function will do.
export { abi as collect }
