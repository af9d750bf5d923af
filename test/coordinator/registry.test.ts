import { describe, expect, test } from "vitest"
import { Registry } from "../../src/coordinator/registry.ts"
import { parsePlan } from "../../src/core/plan.ts"
import type { Hello, Ready } from "../../src/wire/message.ts"
import { PLAN, TOPICS } from "./world.ts"

const HELLO: Hello = {
  type: "hello",
  session: 1,
  maxPacket: 1 << 20,
  ramKiB: 0,
  codecs: [0],
  abis: [],
  features: 2,
}
const READY: Ready = { type: "ready", session: 1, willing: true, samples: 3, testSamples: 4 }

function registry(modelBytes = 12): Registry {
  return new Registry(parsePlan(PLAN), TOPICS, modelBytes)
}

describe("a device is ready", () => {
  test("when Hello and Ready of one session are there, in either order", () => {
    const one = registry()
    expect(one.hello("a", HELLO).state).toBe("unready")
    expect(one.ready("a", READY)).toMatchObject({ state: "ready", device: { id: "a", samples: 3, testSamples: 4 } })
    const other = registry()
    expect(other.ready("a", READY).state).toBe("unknown")
    expect(other.hello("a", HELLO).state).toBe("ready")
  })

  test("with the first 8 bytes of the SHA-256 of its id as its key", () => {
    const one = registry()
    one.hello("a", HELLO)
    // printf a | sha256sum: ca978112 ca1bbdca ...
    expect(one.ready("a", READY)).toMatchObject({ device: { key: [0xca978112, 0xca1bbdca] } })
    expect(one.keyOf("a")).toEqual([0xca978112, 0xca1bbdca])
  })

  test("until it is not willing, gone, born again or forgotten", () => {
    const one = registry()
    one.hello("a", HELLO)
    one.ready("a", READY)
    expect(one.gone("a", { type: "gone", session: 2 }).state).toBe("ready")
    expect(one.gone("a", { type: "gone", session: 1 }).state).toBe("unready")
    expect(one.ready("a", READY).state).toBe("ready")
    expect(one.ready("a", { ...READY, willing: false }).state).toBe("withdrawn")
    expect(one.ready("a", READY).state).toBe("ready")
    expect(one.hello("a", { ...HELLO, session: 2 }).state).toBe("unready")
    expect(one.ready("a", { ...READY, session: 2 }).state).toBe("ready")
    one.forget("a")
    expect(one.ready("a", { ...READY, session: 2 }).state).toBe("unknown")
    expect(one.gone("nobody", { type: "gone", session: 2 }).state).toBe("unready")
  })

  test("unless it has too little RAM for the model, which it is told", () => {
    // 1000 parameters of a custom model: 8000 bytes.
    const model = { loss: "custom" as const, parameters: 1000, features: 2, standardize: false }
    const one = new Registry(parsePlan({ ...PLAN, model }), TOPICS, 12)
    one.ready("a", READY)
    const reason = "expected at least 8 KiB of RAM for this model, got 6"
    expect(one.hello("a", { ...HELLO, ramKiB: 6 })).toEqual({ state: "unfit", reason })
    // 7 may be almost 8.
    for (const ramKiB of [0, 7, 8]) expect(one.hello("a", { ...HELLO, ramKiB }).state).toBe("ready")
  })

  test("and the one that was silent longest is forgotten where there are too many, unless it is busy", () => {
    const one = new Registry(parsePlan(PLAN), TOPICS, 12, { limit: 3, isBusy: (device) => device === "a" })
    for (const id of ["a", "b", "c"]) one.hello(id, HELLO)
    one.ready("b", READY)
    one.hello("d", HELLO)
    expect(one.size).toBe(3)
    expect(one.ready("c", READY).state).toBe("unknown")
    // c has taken the place of b, which was heard before d.
    expect(one.size).toBe(3)
    expect(["a", "d"].map((id) => one.ready(id, READY).state)).toEqual(["ready", "ready"])
    expect(one.ready("b", READY).state).toBe("unknown")
    expect(one.hello("b", HELLO).state).toBe("ready")
  })

  test("and is excluded where it does not have the tags that the plan selects, whatever it says", () => {
    const plan = { ...PLAN, tags: { gateway: ["gw-*"] }, selection: { tags: ["gateway"] } }
    const one = new Registry(parsePlan(plan), TOPICS, 12)
    for (const id of ["gw-1", "mote-1"]) one.hello(id, HELLO)
    expect(one.ready("mote-1", READY)).toEqual({ state: "excluded" })
    expect(one.ready("gw-1", READY).state).toBe("ready")
  })

  test("and never, whatever it says, where it does not fit", () => {
    const one = registry()
    one.hello("a", { ...HELLO, features: 3 })
    expect(one.ready("a", READY)).toEqual({ state: "unfit", reason: "expected 2 features, got 3" })
    expect(one.hello("a", HELLO).state).toBe("ready")
  })
})

describe("chunk classes", () => {
  test("the plan's own for whoever can take it, otherwise the largest of a few that fits", () => {
    const sizes = [1 << 20, 65536, 20_000, 5000, 2000, 500].map((maxPacket) => {
      return registry().chunkClassFor({ ...HELLO, maxPacket })
    })
    // A packet has the topic and the chunk's head besides.
    expect(sizes).toEqual([65536, 16384, 16384, 4096, 1024, 256])
  })

  test("a model of more chunks than a topic can number does not fit", () => {
    // 65535 chunks of 256 bytes are 16,776,960.
    expect(registry(16_776_960).hello("a", { ...HELLO, maxPacket: 500 }).state).toBe("unready")
    expect(registry(16_776_961).hello("a", { ...HELLO, maxPacket: 500 })).toMatchObject({
      state: "unfit",
      reason: expect.stringContaining("65536 chunks of 256 bytes") as string,
    })
  })
})
