import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

/** A broker in a process of its own, which may die. */
export interface BrokerProcess {
  readonly port: number
  /** What it wrote to stderr, once it has ended. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

/** `stock`: aedes as it comes. `embedded`: the project's broker. */
export async function startBrokerProcess(kind: "stock" | "embedded"): Promise<BrokerProcess> {
  const main = fileURLToPath(new URL("broker-main.ts", import.meta.url))
  const child = spawn(process.execPath, [main, kind], { stdio: ["pipe", "pipe", "pipe"] })
  let errors = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-20_000)))
  const ended = new Promise<string>((resolve) => child.once("close", () => resolve(errors)))
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.setEncoding("utf8").once("data", (line: string) => resolve(Number(line)))
    void ended.then(() => reject(new Error(`the broker did not start: ${errors}`)))
  })
  return {
    port,
    ended,
    async stop() {
      child.kill("SIGKILL")
      await ended
    },
  }
}
