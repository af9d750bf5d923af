/** The grid of the exact fold: multiples of 2^g, reached by adding and taking away `magic` = 1.5 x 2^(g + 52). */

/** `value` rounded to the grid, ties to even; exact for |value| up to 2^(g + 51). A `magic` of 0 leaves it as it is. */
export function onGrid(value: f64, magic: f64): f64 {
  return value + magic - magic
}
