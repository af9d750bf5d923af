/** The kernel ABI: every export of the full modules. README.md says what each does and how memory is laid out. */

export { base } from "./control"
export { setup } from "./layers"
export { init } from "./init"
export { advance, begin, collect } from "./train"
export { evaluate, predict } from "./evaluate"
export { subtract } from "./memory"

/** Version of the training ABI. */
export function abi(): i32 {
  return 1
}

export { codecKey } from "./codec-stream"
export { peakBits } from "./codec-scale"
export { encodeBlocks } from "./codec-blocks"
export { encodeEden } from "./codec-eden"
export { encodeTopk, foldTopk } from "./codec-topk"
export { foldF32, foldBlocks } from "./fold"
export { foldEden } from "./fold-eden"
