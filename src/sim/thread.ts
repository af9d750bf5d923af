import { parentPort, workerData } from "node:worker_threads"
import { FedmoteError } from "../core/error.ts"
import { ClientWorker } from "./client-worker.ts"
import type { BaselineJob, FoldJob, Setup } from "./fold-job.ts"
import type { Answer } from "./crew.ts"

/** One thread of a crew: takes a job, works through its share, answers. */

const worker = new ClientWorker(workerData as Setup)

parentPort!.on("message", (job: FoldJob | BaselineJob) => {
  let answer: Answer
  try {
    answer = job.type === "fold" ? { part: worker.fold(job) } : { scored: worker.baseline(job) }
  } catch (error) {
    if (!(error instanceof FedmoteError)) throw error
    answer = { error: { code: error.code, message: error.message } }
  }
  parentPort!.postMessage(answer)
})
