import { formatSeconds } from "../report/comparison.ts"

/**
 * How fast work goes, and how long the rest of it takes at that rate: "12.3 rounds/s, 1 min 20 s left". Empty before anything is done.
 * `from`: what had been done before the clock started. `nowMs`: a clock that only rises.
 */
export function paceOf(
  total: number,
  unit: string,
  nowMs: () => number = () => performance.now(),
): (done: number, from?: number) => string {
  const started = nowMs()
  return (done, from = 0) => {
    const seconds = (nowMs() - started) / 1000
    if (done <= from || seconds <= 0) return ""
    const rate = (done - from) / seconds
    const left = done < total ? `, ${formatSeconds((total - done) / rate)} left` : ""
    return `${Number(rate.toPrecision(3))} ${unit}/s${left}`
  }
}
