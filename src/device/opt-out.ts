import type { Network } from "../net/link.ts"
import { checkDevice, topics } from "../wire/topics.ts"

/**
 * Opts a device out that is not running: what the broker retains of it is deleted, and a coordinator that is there forgets it. Throws `WireError`
 * ("topic"), `LinkError`, and the signal's reason.
 */
export async function optOut(network: Network, fleet: string, id: string, signal?: AbortSignal): Promise<void> {
  const names = topics(fleet)
  const retained = [names.hello(checkDevice(id)), names.flashed(id)]
  const link = await network.connect({ clientId: id, ...(signal === undefined ? {} : { signal }) })
  try {
    for (const topic of retained)
      await link.publish(topic, new Uint8Array(0), { retain: true, ...(signal === undefined ? {} : { signal }) })
  } finally {
    await link.close()
  }
}
