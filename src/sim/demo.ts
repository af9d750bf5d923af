import { randomBytes } from "node:crypto"
import { withData } from "../core/plan-model.ts"
import type { Plan } from "../core/plan.ts"
import type { Result, RoundResult } from "../core/result.ts"
import type { CoordinatorOutcome } from "../coordinator/coordinator.ts"
import type { Dataset } from "../data/dataset.ts"
import { openDataset } from "../data/open.ts"
import { COORDINATOR_USER, coordinatorToken, fleetAccess } from "../net/broker/access.ts"
import { startBroker } from "../net/broker.ts"
import { mqttNetwork } from "../net/mqtt.ts"
import { runLiveFleet } from "./live-fleet.ts"
import { dataFacts, liveResult } from "./live-result.ts"
import { planFor } from "./plan-for.ts"
import { baselinesOf } from "./simulate.ts"

export interface DemoOptions {
  /** Default: the built-in eight motes. */
  readonly dataset?: Dataset
  /** Default: one that suits the data. */
  readonly plan?: Plan
  /** Change the default plan. */
  readonly rounds?: number | undefined
  readonly seed?: number | undefined
  readonly recordCohorts?: boolean | undefined
  readonly baselines?: boolean | undefined
  readonly onRound?: (record: RoundResult) => void
  readonly signal?: AbortSignal | undefined
}

export interface Demo {
  readonly result: Result
  readonly outcome: CoordinatorOutcome
}

/**
 * The whole way in one process: an embedded broker on a free loopback port, a coordinator, and for each mote a device with an MQTT connection of its
 * own and only its own readings; then what the result is compared with. The model is that of `simulate` with the same plan, bit for bit.
 */
export async function demo(options: DemoOptions = {}): Promise<Demo> {
  const started = performance.now()
  const { signal, recordCohorts, onRound, rounds, seed } = options
  signal?.throwIfAborted()
  const dataset = options.dataset ?? (await openDataset("telosb"))
  const plan = withData(options.plan ?? planFor(dataset, { rounds, seed }), dataset)
  const outcome = await overBroker(plan, dataset, { recordCohorts, onRound, signal })
  const trainedMs = performance.now()
  const baselines = options.baselines === false ? {} : await baselinesOf(plan, dataset, outcome, 1, signal)
  const timing = {
    seconds: (performance.now() - started) / 1000,
    trainingSeconds: (trainedMs - started) / 1000,
    ...(options.baselines !== false && { baselineSeconds: (performance.now() - trainedMs) / 1000 }),
  }
  return { result: liveResult(outcome, { plan, data: dataFacts(dataset), timing, baselines }), outcome }
}

interface Watch {
  readonly recordCohorts: boolean | undefined
  readonly onRound: ((record: RoundResult) => void) | undefined
  readonly signal: AbortSignal | undefined
}

async function overBroker(plan: Plan, dataset: Dataset, watch: Watch): Promise<CoordinatorOutcome> {
  // Nobody else on this machine can be the coordinator.
  const secret = randomBytes(24).toString("base64url")
  const broker = await startBroker({ access: fleetAccess({ secret, devices: "open" }) })
  try {
    return await runLiveFleet({
      plan,
      dataset,
      coordinatorNetwork: mqttNetwork(broker.url, { username: COORDINATOR_USER, password: coordinatorToken(secret) }),
      deviceNetwork: mqttNetwork(broker.url),
      ...watch,
    })
  } finally {
    await broker.close()
  }
}
