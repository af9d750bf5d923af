import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "vitest"
import type { Clock } from "../../../src/net/clock.ts"
import { decode } from "../../../src/wire/codec.ts"
import type { Flash } from "../../../src/wire/message.ts"
import { signed } from "../../device/flash/signed.ts"
import { ownModule } from "../../kernel/foreign-modules.ts"
import { Dice, SEED } from "../../wire/random.ts"
import { TOPICS } from "../world.ts"
import { Rig } from "./fleet.ts"
import type { PlayedGateway } from "./fleet.ts"

/** Whatever is lost on the way, in the end every gateway has what it is to have, and the audit log tells how. */

const ONE = signed(ownModule("scalar"), { sequence: 1, chunkBytes: 4096 })
const GATEWAYS = 8

/** Time that runs so much faster: what is said again after half a minute comes soon. */
const FASTER = 200
const clock: Clock = {
  nowMs: () => performance.now() * FASTER,
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs / FASTER)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

/** A gateway that does what it is told, if the module works for it, and says so if it is connected. */
async function obeys(gateway: PlayedGateway, works: boolean): Promise<void> {
  let state: Parameters<PlayedGateway["say"]>[0] = {}
  const say = (): void => void gateway.say(state).catch(() => undefined)
  gateway.link.on("up", say)
  await gateway.link.subscribe(TOPICS.flash(gateway.id), (_, bytes) => {
    const { action, sequence } = decode(bytes) as Flash
    if (action === "revert") {
      gateway.active = 0
      state = { target: sequence, state: "reverted", reason: "told: by the coordinator" }
    } else if (gateway.active !== sequence && state.state !== "rolledBack" && state.state !== "reverted") {
      gateway.active = works ? sequence : 0
      state = works
        ? { target: sequence, state: "confirmed" }
        : { target: sequence, state: "rolledBack", reason: "trap: unreachable" }
    }
    say()
  })
}

/** Something is lost, or comes back. */
async function harm(dice: Dice, rig: Rig): Promise<void> {
  const id = `g-${dice.below(GATEWAYS)}`
  switch (dice.below(6)) {
    case 0:
    case 1:
      return rig.network.drop(id)
    case 2:
    case 3:
      return rig.network.restore(id)
    case 4:
      rig.network.stop()
      return rig.network.start()
    default:
      await rig.stop()
      return rig.start({}, { clock })
  }
}

test.each([
  ["a good module", GATEWAYS, "complete", 1],
  ["a module that fails on most gateways", 2, "halted", 0],
] as const)(`%s (seed ${SEED})`, async (_, working, phase, active) => {
  const dice = new Dice(SEED)
  for (let run = 0; run < 4; run++) {
    const rig = new Rig()
    await rig.start({}, { clock })
    const all = await rig.gateways(GATEWAYS)
    for (const [i, gateway] of all.entries()) await obeys(gateway, i < working)
    expect(await rig.roll(ONE, { stages: [25, 100], enough: 100 })).toMatchObject({ accepted: true })
    for (let i = 0; i < 12; i++) {
      await harm(dice, rig)
      // The next at any moment.
      await sleep(dice.below(20))
    }
    for (const { id } of all) rig.network.restore(id)
    await rig.until(() => expect(rig.status?.rollout?.phase).toBe(phase))
    await rig.until(() => expect(all.map((gateway) => gateway.active)).toEqual(all.map(() => active)))
    const kinds = rig.audit().map(({ event }) => event)
    expect(kinds.filter((kind) => kind === "order" || kind === phase)).toEqual(["order", phase])
    await rig.stop()
  }
})
