import { FedmoteError } from "../core/error.ts"
import type { Plan } from "../core/plan.ts"
import type { RoundResult } from "../core/result.ts"
import { deviceFilter } from "../core/tags.ts"
import { Coordinator } from "../coordinator/coordinator.ts"
import type { CoordinatorOutcome } from "../coordinator/coordinator.ts"
import type { Dataset } from "../data/dataset.ts"
import { Device } from "../device/device.ts"
import type { KernelKind } from "../kernel/types.ts"
import type { Network } from "../net/link.ts"

export interface LiveFleetOptions {
  /** Features and labels known. */
  readonly plan: Plan
  readonly dataset: Dataset
  /** What the coordinator, and what each device connects through. */
  readonly coordinatorNetwork: Network
  readonly deviceNetwork: Network
  readonly init?: Float32Array | undefined
  readonly recordCohorts?: boolean | undefined
  readonly onRound?: ((record: RoundResult) => void) | undefined
  readonly signal?: AbortSignal | undefined
  readonly kernel?: KernelKind | undefined
}

/**
 * A real coordinator and a real device for each client, in this process: each device has a link of its own and its own client's samples
 * alone. Resolves when the federation is released and every device has pulled its model.
 */
export async function runLiveFleet(options: LiveFleetOptions): Promise<CoordinatorOutcome> {
  const { plan, dataset, init, recordCohorts, onRound, kernel } = options
  const failure = new AbortController()
  const signal = AbortSignal.any([failure.signal, ...(options.signal === undefined ? [] : [options.signal])])
  const admits = deviceFilter(plan)
  const members = Array.from({ length: dataset.clients }, (_, client) => client).filter((client) =>
    admits(dataset.id(client)),
  )
  const coordinator = new Coordinator({
    plan,
    network: options.coordinatorNetwork,
    clients: members.length,
    ...(init && { init }),
    ...(recordCohorts !== undefined && { recordCohorts }),
    ...(onRound && { onRound }),
  })
  // Devices that are not selected would wait for ever.
  const devices = members.map(
    (client) =>
      new Device({
        network: options.deviceNetwork,
        fleet: plan.fleet,
        id: dataset.id(client),
        data: { train: dataset.train(client), test: dataset.test(client) },
        ...(kernel === undefined ? {} : { kernel }),
      }),
  )
  try {
    const runs = [coordinator.run(signal), ...devices.map((device) => device.run(signal))] as const
    for (const run of runs) run.catch((error: unknown) => failure.abort(error))
    const [outcome] = await Promise.all(runs)
    return outcome as CoordinatorOutcome
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error instanceof Error ? error : new FedmoteError("fleet", String(error))
  } finally {
    await Promise.all(devices.map((device) => device.close()))
    await coordinator.close()
  }
}
