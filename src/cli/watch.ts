import { Command } from "commander"
import { matches } from "../net/filter.ts"
import { describeMessage } from "../wire/describe.ts"
import { topics } from "../wire/topics.ts"
import { networkAt } from "./brokers.ts"
import { aborted, withContext } from "./context.ts"

export function watchCommand(): Command {
  return new Command("watch")
    .description("print every message of a fleet as one line of JSON")
    .requiredOption("--broker <url>", "mqtt:// or mqtts:// URL")
    .requiredOption("--fleet <name>", "name of the fleet")
    .action((flags: { readonly broker: string; readonly fleet: string }, command: Command) =>
      withContext(command, async (context) => {
        const { filters } = topics(flags.fleet)
        const link = await networkAt(flags.broker, context).connect({
          clientId: `watch-${process.pid}-${Date.now().toString(36)}`,
          signal: context.signal,
        })
        await link.subscribe(filters.everything, (topic, payload, retained) => {
          if (matches(filters.probes, topic)) return undefined
          const line = { time: new Date().toISOString(), retained, ...describeMessage(topic, payload) }
          // A reader that is slow holds back the broker.
          if (!process.stdout.write(`${JSON.stringify(line)}\n`))
            return new Promise<void>((resolve) => process.stdout.once("drain", resolve))
          return undefined
        })
        await aborted(context.signal)
        await link.close()
      }),
    )
}
