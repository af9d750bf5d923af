/**
 * What an update adds to a round's sums, in whole steps of the grid: written from assembly/CODECS.md ("f32", "Integer blocks", "Fold") with integers of any
 * size, and with nothing of the code under test.
 */
export function contribution(codec: string, payload: Uint8Array, weight: number, grid: number): bigint[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const steps = (value: number): bigint => {
    // Exact for whole weights and for scales; for others rounded to 53 bits first.
    const { mantissa, exponent } = dyadic(weight * value)
    return scaled(mantissa, exponent - grid)
  }
  switch (codec) {
    case "f32":
      return Array.from({ length: payload.length / 4 }, (_, i) => steps(view.getFloat32(4 * i, true)))
    case "int8":
    case "int8-nearest": {
      const values: bigint[] = []
      for (let at = 0; at < payload.length;) {
        // A bfloat16: the upper half of a float32.
        half.setUint32(0, view.getUint16(at, true) * 65536)
        const scale = steps(half.getFloat32(0))
        const end = Math.min(at + 2 + BLOCK, payload.length)
        for (let i = at + 2; i < end; i++) values.push(BigInt(view.getInt8(i)) * scale)
        at = end
      }
      return values
    }
    default:
      throw new Error(`no second opinion on codec ${codec}`)
  }
}

/** The sums as float64, which holds them exactly. */
export function sumOf(contributions: readonly (readonly bigint[])[], size: number, grid: number): Float64Array {
  const sum = new Float64Array(size)
  for (let i = 0; i < size; i++) {
    let total = 0n
    for (const each of contributions) total += each[i]!
    sum[i] = Number(total) * 2 ** grid
  }
  return sum
}

const BLOCK = 64
const half = new DataView(new ArrayBuffer(4))
const double = new DataView(new ArrayBuffer(8))

/** mantissa x 2^exponent. */
interface Dyadic {
  readonly mantissa: bigint
  readonly exponent: number
}

/** A finite float64, taken apart. */
function dyadic(value: number): Dyadic {
  double.setFloat64(0, value)
  const bits = double.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const size = biased === 0 ? fraction : fraction + 0x10000000000000n
  return { mantissa: value < 0 ? -size : size, exponent: Math.max(biased, 1) - 1075 }
}

/** value x 2^exponent, rounded to a whole number, ties to even. */
function scaled(value: bigint, exponent: number): bigint {
  if (exponent >= 0) return value << BigInt(exponent)
  const bits = BigInt(-exponent)
  const floor = value >> bits
  const rest = value - (floor << bits)
  const half = 1n << (bits - 1n)
  const up = rest > half || (rest === half && (floor & 1n) === 1n)
  return up ? floor + 1n : floor
}
