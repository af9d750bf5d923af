import { Command } from "commander"
import { FedmoteError } from "../core/error.ts"
import { COORDINATOR_USER, coordinatorToken, deviceToken } from "../net/broker/access.ts"
import { checkDevice } from "../wire/topics.ts"
import { SECRET_VARIABLE, openBroker } from "./brokers.ts"
import { aborted, withContext } from "./context.ts"
import { address } from "./parse.ts"
import type { Address } from "./parse.ts"

export function brokerCommand(): Command {
  const token = new Command("token")
    .description(`print the password of a device, or of the ${COORDINATOR_USER}, for the secret in ${SECRET_VARIABLE}`)
    .argument("<id>", `device id, or ${COORDINATOR_USER}`)
    .action((id: string) => {
      const secret = process.env[SECRET_VARIABLE]
      if (secret === undefined) throw new FedmoteError("usage", `expected the broker's secret in ${SECRET_VARIABLE}`)
      const password = id === COORDINATOR_USER ? coordinatorToken(secret) : deviceToken(secret, checkDevice(id))
      process.stdout.write(`${password}\n`)
    })
  return new Command("broker")
    .description("run the embedded MQTT 3.1.1 broker on its own")
    .option("--listen <host:port>", "where to listen; port 0 is any free one", address, {
      host: "127.0.0.1",
      port: 1883,
    })
    .addCommand(token)
    .action((flags: { readonly listen: Address }, command: Command) =>
      withContext(command, async (context) => {
        const broker = await openBroker(flags.listen, context)
        process.stdout.write(`${broker.url}\n`)
        await aborted(context.signal)
        await broker.close()
      }),
    )
}
