/** How an update's float32 delta becomes bytes. The ids are part of the protocol; `f32` and `int8` are mandatory for every device. */
export const CODECS = {
  f32: { id: 0, unbiased: true },
  int8: { id: 1, unbiased: true },
  "int8-nearest": { id: 2, unbiased: false },
  int4: { id: 3, unbiased: true },
  "int4-nearest": { id: 4, unbiased: false },
  eden1: { id: 5, unbiased: true },
  eden2: { id: 6, unbiased: true },
  eden4: { id: 7, unbiased: true },
  topk: { id: 8, unbiased: false },
} as const

export type CodecName = keyof typeof CODECS

export const CODEC_NAMES = Object.keys(CODECS) as CodecName[]

/** The codec with this id, or undefined where the protocol knows none. */
export function codecName(id: number): CodecName | undefined {
  return CODEC_NAMES.find((name) => CODECS[name].id === id)
}
