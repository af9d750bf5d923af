/** Average and maximum over `width` steps of a time-major row, without overlap; a rest shorter than that is dropped. */
import { AVERAGE_POOL } from "./control"
import { Layer } from "./layers"
import { clear } from "./memory"

export function pool(l: Layer, below: Layer, rows: i32): void {
  const average = l.kind == AVERAGE_POOL
  const pitch = (<usize>l.channels) << 2
  const scale: f32 = <f32>1 / <f32>l.width
  for (let r: usize = 0; r < <usize>rows; r++) {
    let from = below.out + r * below.rowBytes
    let to = l.out + r * l.rowBytes
    for (let p = 0; p < l.positions; p++) {
      for (const end = to + pitch; to < end; to += 4, from += 4) {
        let v = load<f32>(from)
        let at = from
        for (let i = 1; i < l.width; i++) {
          at += pitch
          const next = load<f32>(at)
          if (average) v += next
          else if (next > v) v = next
        }
        store<f32>(to, average ? v * scale : v)
      }
      from += pitch * (l.width - 1)
    }
  }
}

/** `dx` from `dy`: the average spreads d * (1 / width), the maximum gives d to the first largest value. */
export function unpool(l: Layer, below: Layer, dy: usize, dx: usize, rows: i32): void {
  const average = l.kind == AVERAGE_POOL
  const pitch = (<usize>l.channels) << 2
  const scale: f32 = <f32>1 / <f32>l.width
  for (let r: usize = 0; r < <usize>rows; r++) {
    let to = dx + r * below.rowBytes
    let from = below.out + r * below.rowBytes
    let d = dy + r * l.rowBytes
    clear(to, <i32>(below.rowBytes >> 2))
    for (let p = 0; p < l.positions; p++) {
      for (const end = d + pitch; d < end; d += 4, from += 4, to += 4) {
        const g = load<f32>(d)
        let best: usize = 0
        let offset: usize = 0
        for (let i = 0; i < l.width; i++, offset += pitch) {
          if (average) store<f32>(to + offset, g * scale)
          else if (load<f32>(from + offset) > load<f32>(from + best)) best = offset
        }
        if (!average) store<f32>(to + best, g)
      }
      from += pitch * (l.width - 1)
      to += pitch * (l.width - 1)
    }
  }
}
