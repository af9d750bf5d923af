import { expect, test } from "vitest"
import { CODECS } from "../../src/core/codec.ts"
import type { PlanInput } from "../../src/core/plan.ts"
import { world } from "./world.ts"

/** One block of three levels behind its scale, a bfloat16 (assembly/CODECS.md, "Integer blocks"). */
function int8(scale: number, levels: readonly number[]): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(5)
  new DataView(payload.buffer).setUint16(0, scale, true)
  payload.set(Int8Array.from(levels), 2)
  return payload
}

/** The largest bfloat16, 2^127 x 255/128; 3 and more of it are beyond float32. */
const LARGEST = 0x7f7f
/** 1/64. */
const SMALL = 0x3c80

test.each<[string, PlanInput, readonly number[]]>([
  ["a level of 127 of the largest scale", {}, [127, 0, 0]],
  ["a level of -127 of the largest scale", {}, [0, 0, -127]],
  ["the same, where the plan bounds the norm", { updateNorm: 5 }, [127, 0, 0]],
  ["the same, where the plan has the widest bound", { largestDelta: 65536 }, [127, -127, 127]],
  ["levels whose values are finite and whose squares are not, where the norm is bounded", { updateNorm: 5 }, [1, 0, 0]],
])("an int8 update with %s is refused, and changes nothing", async (_what, plan, levels) => {
  const { start, device, warnings } = world()
  const { outcome } = await start({ codecs: ["int8"], ...plan })
  const [a, b] = [await device("a"), await device("b")]
  await a.update([], { codec: CODECS.int8.id, payload: int8(LARGEST, levels) })
  expect(a.statuses).toEqual(["refused"])
  expect(a.receipts[0]!.reason).toMatch(/bound|norm/)
  expect(warnings.filter((line) => line.startsWith("update refused"))).toHaveLength(1)
  await b.update([], { codec: CODECS.int8.id, payload: int8(SMALL, [64, -32, 0]) })
  expect(b.statuses).toEqual(["folded"])
  expect([...(await outcome).parameters]).toEqual([1, -0.5, 0])
})
