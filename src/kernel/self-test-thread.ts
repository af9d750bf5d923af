import { parentPort } from "node:worker_threads"
import { FedmoteError } from "../core/error.ts"
import { selfTest } from "./self-test.ts"
import type { Apart, Verdict } from "./self-test-apart.ts"
import { TrainingModule } from "./training-module.ts"

/** The self-tests of modules, one after the other, in a thread that can be ended. */

parentPort!.on("message", ({ bytes, mostBytes }: Apart) => {
  parentPort!.postMessage(verdictOn(bytes, mostBytes))
})

function verdictOn(bytes: Uint8Array, mostBytes: number): Verdict {
  try {
    return { passed: selfTest(new TrainingModule(bytes), mostBytes) }
  } catch (error) {
    if (!(error instanceof FedmoteError)) throw error
    return { code: error.code, message: error.message }
  }
}
