// Logarithm and exponential from + - * / alone, whose results IEEE 754 fixes, so that whatever is drawn is the same on every engine
// (`Math.log` and `Math.exp` may differ in the last bit). Accurate to a few units in the last place, which is more than sampling needs.

const bits = new DataView(new ArrayBuffer(8))

const LN2_HIGH = 0.69314718036912381649
const LN2_LOW = 1.90821492927058770002e-10

/** Natural logarithm of a positive, normal number: x = 2^k m with m in [sqrt(1/2), sqrt(2)), log m = 2 artanh((m - 1) / (m + 1)). */
export function log(x: number): number {
  bits.setFloat64(0, x)
  const high = bits.getUint32(0)
  let k = (high >>> 20) - 1023
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000)
  let m = bits.getFloat64(0)
  if (m > 1.4142135623730951) {
    m /= 2
    k++
  }
  const t = (m - 1) / (m + 1)
  const t2 = t * t
  // |t| < 0.1716: the term after t^23 / 23 is below 2^-64.
  let sum = 0
  for (let n = 23; n > 0; n -= 2) sum = sum * t2 + 1 / n
  return k * LN2_HIGH + (2 * t * sum + k * LN2_LOW)
}

/** e^x for x of at most 700; 0 below -700. Taylor series on [-ln 2 / 2, ln 2 / 2], then a power of two. */
export function exp(x: number): number {
  if (x < -700) return 0
  const k = Math.round(x / LN2_HIGH)
  const r = x - k * LN2_HIGH - k * LN2_LOW
  let sum = 1
  for (let n = 15; n > 0; n--) sum = 1 + (r * sum) / n
  bits.setUint32(0, (k + 1023) << 20)
  bits.setUint32(4, 0)
  return sum * bits.getFloat64(0)
}
