/** Average and maximum over `width` steps of a time-major row, without overlap; a rest shorter than that is dropped. */
import { AVERAGE_POOL } from "./control"
import { Layer } from "./layers"
import { clear } from "./memory"

/**
 * Forward: outputs from those of the layer below. With gradients `dy` and `dx` (not 0) backward: the average spreads d * (1 / width), the maximum
 * gives d to the first largest value.
 */
export function pool(l: Layer, below: Layer, dy: usize, dx: usize, rows: i32): void {
  const average = l.kind == AVERAGE_POOL
  const pitch = (<usize>l.channels) << 2
  const window = pitch * l.width
  const scale: f32 = <f32>1 / <f32>l.width
  let row = below.out
  let to = l.out
  // From outputs to their gradients.
  const toDx = dx - row
  const toDy = dy - to
  do {
    let from = row
    if (dx) clear(from + toDx, <i32>(below.rowBytes >> 2))
    let c: usize = 0
    do {
      // One position.
      const end = c + pitch
      do {
        let v = load<f32>(from)
        let best = from
        for (let at = from + pitch; at < from + window; at += pitch) {
          const next = load<f32>(at)
          if (average) v += next
          else if (next > v) {
            v = next
            best = at
          }
        }
        if (!dx) store<f32>(to + c, average ? v * scale : v)
        else if (!average) store<f32>(best + toDx, load<f32>(to + c + toDy))
        else {
          for (let at = from; at < from + window; at += pitch) store<f32>(at + toDx, load<f32>(to + c + toDy) * scale)
        }
        from += 4
      } while ((c += 4) < end)
      from += window - pitch
    } while (c < <usize>l.positions * pitch)
    row += below.rowBytes
    to += l.rowBytes
  } while (--rows)
}
