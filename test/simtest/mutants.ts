import type { Invariant } from "./referee.ts"

/** One place of the sources that is made wrong. `from` is there exactly once. */
export interface Change {
  /** Relative to `src`. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** A bug that is planted: the simulated world must find it. */
export interface Mutant {
  readonly name: string
  readonly changes: readonly Change[]
  /** Of the first world to look in; 1 where it is found soon. */
  readonly seed?: number
  /** What it breaks. */
  readonly breaks: readonly Invariant[]
}

const LATE = "core/round-late.ts"
const REPORTING = "core/round-reporting.ts"
const DESK = "coordinator/desk.ts"
const ANNOUNCER = "coordinator/announcer.ts"
const REASSEMBLY = "wire/reassembly.ts"
const UPLOAD = "device/upload.ts"
const MEMBERSHIP = "device/membership.ts"

export const MUTANTS: readonly Mutant[] = [
  {
    name: "skip the duplicate check",
    changes: [{ file: LATE, from: "if (current && seen.has(device)) return", to: "if (false) return" }],
    breaks: ["fold-once"],
  },
  {
    name: "fold before the epoch check",
    seed: 100,
    changes: [{ file: LATE, from: "const current = same(name, state)", to: "const current = name.round === round" }],
    breaks: ["fold-sent"],
  },
  {
    name: "commit before fsync",
    changes: [
      {
        file: DESK,
        from: "    journal.commit({ snapshot: federation.snapshot(), fleet: census.count(), retained })\n",
        to: "    const snapshot = structuredClone(federation.snapshot())\n",
      },
      {
        file: DESK,
        from: "this.#announcer.publish(model, () => this.#committed(kind, stop))",
        to: `this.#announcer.publish(model, () => {
      journal.commit({ snapshot, fleet: census.count(), retained })
      this.#committed(kind, stop)
    })`,
      },
    ],
    breaks: ["durable"],
  },
  {
    name: "receipt before fold",
    changes: [
      {
        file: DESK,
        from: "      this.#folding.fold(whole.update, key, whole.bytes, staleness)\n",
        to: `      this.#answers.receipt(this.#case!, "folded", currentOf(this.#federation.rounds))
      this.#folding.fold(whole.update, key, whole.bytes, staleness)\n`,
      },
      {
        file: DESK,
        from: '"update folded")\n      this.#answers.receipt(this.#case!, "folded", currentOf(this.#federation.rounds))\n',
        to: '"update folded")\n',
      },
    ],
    breaks: ["receipt"],
  },
  {
    name: "forget on PUBACK",
    changes: [
      { file: UPLOAD, from: 'emit({ type: "sent", round', to: 'this.drop()\n      emit({ type: "sent", round' },
    ],
    breaks: ["kept"],
  },
  {
    name: "lost timer",
    changes: [{ file: DESK, from: "if (wakeAtMs === this.#timerAtMs ||", to: "if (this.#timerAtMs < Infinity ||" }],
    breaks: ["timer"],
  },
  {
    name: "epoch reused after restart",
    changes: [
      {
        file: "coordinator/take-up.ts",
        from: "nextIncarnation(Math.max(notice?.epoch ?? 0, journal.lastEpoch()))",
        to: "Math.max(EPOCHS, notice?.epoch ?? 0, nextIncarnation(0))",
      },
    ],
    breaks: ["epochs"],
  },
  {
    name: "minimum off by one",
    changes: [
      {
        file: REPORTING,
        from: "over && state.folded >= minimumToCommit(state)",
        to: "over && state.folded + 1 >= Math.max(2, minimumToCommit(state))",
      },
    ],
    breaks: ["minimum"],
  },
  {
    name: "join chunks of two updates",
    changes: [
      { file: REASSEMBLY, from: "a.epoch === b.epoch && isEqual(a.updateId, b.updateId)", to: "a.epoch === b.epoch" },
      { file: REASSEMBLY, from: "if (!beginsWith(this.#options.sha256(payload), chunk.updateId))", to: "if (false)" },
      {
        file: REASSEMBLY,
        from: '["count", "baseVersion", "codec", "samples", "steps"] as const',
        to: '["count"] as const',
      },
      { file: REASSEMBLY, from: "if (!isEqual(first.metrics, chunk.metrics))", to: "if (false)" },
    ],
    breaks: ["fold-sent"],
  },
  {
    name: "work started by a retained Notice",
    changes: [
      {
        file: MEMBERSHIP,
        from: "if (this.#pending !== undefined && this.#matches(this.#pending, notice)) this.#start(notice)",
        to: 'if (this.#pending !== undefined ? this.#matches(this.#pending, notice) : retained && notice.phase === "working") this.#start(notice)',
      },
    ],
    breaks: ["work"],
  },
  {
    name: "a receipt for the same bytes of another epoch counts",
    changes: [
      { file: "device/held.ts", from: "const own = isSame(receipt, basis)", to: "const own = true" },
      {
        file: "device/held.ts",
        from: "return a.epoch > b.epoch || (a.epoch === b.epoch && a.round > b.round)",
        to: "return a !== b",
      },
    ],
    breaks: ["kept", "receipt"],
  },
  {
    name: "the cohort of the round before is asked again",
    changes: [
      {
        file: ANNOUNCER,
        from: '(cohort.has(id) ? !seen.has(id) : kind === "train" && owing.has(id))',
        to: '!seen.has(id) || kind === "train" && owing.has(id)',
      },
      {
        file: ANNOUNCER,
        from: "    const { rounds } = this.#options.federation\n    this.doubt()\n",
        to: "    const { rounds } = this.#options.federation\n    const { cohort } = rounds\n    this.doubt()\n",
      },
      { file: ANNOUNCER, from: "await this.#join([...rounds.cohort])", to: "await this.#join([...cohort])" },
    ],
    breaks: ["work"],
  },
  {
    name: "a coordinator says nothing of having been away",
    seed: 220,
    changes: [
      { file: ANNOUNCER, from: "await this.#say(true)", to: "await this.#say()" },
      { file: "device/greeting.ts", from: "const UNHEARD_MS = 900_000", to: "const UNHEARD_MS = 90_000_000" },
    ],
    breaks: ["ends"],
  },
  {
    name: "a model that the broker has lost is not published again",
    changes: [
      { file: DESK, from: "        this.#announcer.doubt()\n", to: "" },
      { file: ANNOUNCER, from: "if (++this.#refreshes % REFRESHES === 0) this.doubt()", to: "" },
    ],
    breaks: ["ends"],
  },
  {
    name: "an update that nobody confirms is not sent again",
    seed: 390,
    changes: [
      {
        file: UPLOAD,
        from: "if (held.into === undefined && this.#cancelTimer === undefined) this.#lookAgain(held)",
        to: "void (() => this.#lookAgain(held))",
      },
    ],
    breaks: ["sent-again"],
  },
  {
    name: "a Notice that is sent again counts",
    seed: 170,
    changes: [
      { file: MEMBERSHIP, from: "if (before !== undefined && isOlder(notice, before)) return", to: "void isOlder" },
    ],
    breaks: ["kept"],
  },
  {
    name: "a Notice names chunks that are not there",
    changes: [{ file: ANNOUNCER, from: "while (!this.#publisher.isThere)", to: "while (false)" }],
    breaks: ["durable"],
  },
  {
    name: "who is opting out is asked all the same",
    seed: 760,
    changes: [{ file: "device/greeting.ts", from: "return !this.#left && obstacles(", to: "return obstacles(" }],
    breaks: ["work"],
  },
  {
    name: "the sum of an abandoned round is gone on with",
    changes: [
      {
        file: "coordinator/folding.ts",
        from: "this.#training.reset(gridExponent, bound, weightCap, largest)",
        to: "if (this.#version < this.#federation.version) this.#training.reset(gridExponent, bound, weightCap, largest)",
      },
    ],
    breaks: ["exact-sum"],
  },
  {
    name: "what is late counts as if it were not",
    changes: [
      { file: "core/staleness.ts", from: "return staleness === 0 ? weight", to: "return staleness < 9 ? weight" },
    ],
    breaks: ["fold-sent"],
  },
  {
    name: "an update counts for less than its samples",
    changes: [
      {
        file: "core/staleness.ts",
        from: "const weight = Math.min(samples, cap)",
        to: "const weight = Math.max(1, Math.min(samples, cap) - 1)",
      },
    ],
    breaks: ["fold-sent"],
  },
]
