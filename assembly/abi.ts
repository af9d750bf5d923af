/** Version of the training ABI that this module provides. */
export function abi(): u32 {
  return 1
}

/** First byte that the host may use, a multiple of 16; below it are the module's own constants. */
export function base(): usize {
  return (__heap_base + 15) & ~15
}
