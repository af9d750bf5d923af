/** Rows of samples: `x` is `rows` x `features`, row-major float32; `y` the class index or the target of each row. */
export interface Samples {
  readonly rows: number
  readonly features: number
  readonly x: Float32Array
  readonly y: Float32Array
}
