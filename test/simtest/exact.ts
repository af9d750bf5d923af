/**
 * What an update adds to a round's sums, in whole steps of the grid: written from assembly/CODECS.md ("f32", "Integer blocks", "Fold") with integers of any
 * size, and with nothing of the code under test.
 */
export function contribution(codec: string, payload: Uint8Array, weight: number, grid: number): bigint[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  // Weights are multiples of 1/65536.
  const units = BigInt(weight * 65536)
  const steps = ({ mantissa, exponent }: Dyadic): bigint => scaled(mantissa * units, exponent - 16 - grid)
  switch (codec) {
    case "f32":
      return Array.from({ length: payload.length / 4 }, (_, i) => steps(dyadic(view.getUint32(4 * i, true))))
    case "int8":
    case "int8-nearest": {
      const values: bigint[] = []
      for (let at = 0; at < payload.length;) {
        const scale = steps(dyadic(view.getUint16(at, true) * 65536))
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

/** mantissa x 2^exponent. */
interface Dyadic {
  readonly mantissa: bigint
  readonly exponent: number
}

/** The finite float32 with these bits. */
function dyadic(bits: number): Dyadic {
  const biased = (bits >>> 23) & 0xff
  const fraction = bits & 0x7fffff
  const size = biased === 0 ? fraction : fraction + 0x800000
  return { mantissa: BigInt(bits >>> 31 === 1 ? -size : size), exponent: Math.max(biased, 1) - 150 }
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
