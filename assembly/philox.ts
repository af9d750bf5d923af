/**
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"): counter = (index, round, purpose, seed),
 * key = the device's two words. The same numbers as src/core/random.ts.
 */

/** Writes a block of four words to `out`. */
export function philox(out: usize, c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): void {
  for (let i = 0; i < 10; i++) {
    const a = <u64>0xd2511f53 * <u64>c0
    const b = <u64>0xcd9e8d57 * <u64>c2
    c0 = (<u32>(b >> 32)) ^ c1 ^ k0
    c1 = <u32>b
    c2 = (<u32>(a >> 32)) ^ c3 ^ k1
    c3 = <u32>a
    k0 += 0x9e3779b9
    k1 += 0xbb67ae85
  }
  store<u32>(out, c0)
  store<u32>(out, c1, 4)
  store<u32>(out, c2, 8)
  store<u32>(out, c3, 12)
}
