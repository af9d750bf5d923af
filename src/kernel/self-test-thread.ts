import { parentPort, workerData } from "node:worker_threads"
import { FedmoteError } from "../core/error.ts"
import { selfTest } from "./self-test.ts"
import type { Apart, Verdict } from "./self-test-apart.ts"
import { TrainingModule } from "./training-module.ts"

/** The self-test of one module, in a thread that can be ended. */

const { bytes, mostBytes } = workerData as Apart
let verdict: Verdict
try {
  verdict = { passed: selfTest(new TrainingModule(bytes), mostBytes) }
} catch (error) {
  if (!(error instanceof FedmoteError)) throw error
  verdict = { code: error.code, message: error.message }
}
parentPort!.postMessage(verdict)
