/**
 * The split for data that brings none: of each client and class, every fifth row is for testing (the 5th, 10th, ...), in the order of the
 * rows. `classOf` gives a row's class, or 0 throughout for regression.
 */
export function splitFifths(
  rows: ArrayLike<number>,
  classOf: (row: number) => number,
): { train: number[]; test: number[] } {
  const seen: number[] = []
  const train: number[] = []
  const test: number[] = []
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const label = classOf(row)
    const count = (seen[label] = (seen[label] ?? 0) + 1)
    if (count % 5 === 0) test.push(row)
    else train.push(row)
  }
  return { train, test }
}
