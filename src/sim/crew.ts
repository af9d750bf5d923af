import { Worker } from "node:worker_threads"
import { FedmoteError } from "../core/error.ts"
import type { Scored } from "./baselines.ts"
import { ClientWorker } from "./client-worker.ts"
import type { BaselineJob, FoldJob, FoldPart, Setup } from "./fold-job.ts"

/** Whoever works on the virtual clients: this thread, or several of their own. What comes out does not depend on how many. */
export interface Crew {
  readonly workers: number
  fold(job: Unshared<FoldJob>): Promise<FoldPart[]>
  baselines(job: Unshared<BaselineJob>): Promise<Scored[]>
  /** Ends the threads, in the middle of their work where need be. */
  close(): Promise<void>
}

/** A job before it has its counter. */
export type Unshared<Job> = Omit<Job, "next" | "type">

/** What goes to a thread and comes back. */
export type Answer = { readonly part: FoldPart } | { readonly scored: Scored[] } | { readonly error: Fault }
interface Fault {
  readonly code: string
  readonly message: string
}

/** `workers` of 0 or 1 is this thread. */
export async function openCrew(setup: Setup, workers: number): Promise<Crew> {
  return workers > 1 ? new Threads(setup, workers) : solo(setup)
}

function solo(setup: Setup): Crew {
  const worker = new ClientWorker(setup)
  return {
    workers: 1,
    async fold(job) {
      await turn()
      return [worker.fold({ ...job, type: "fold", next: counter() })]
    },
    async baselines(job) {
      const scored: Scored[] = []
      // One at a time, so that the event loop turns.
      for (const item of job.items) {
        await turn()
        scored.push(...worker.baseline({ ...job, items: Uint32Array.of(item), type: "baseline", next: counter() }))
      }
      return scored
    },
    async close() {},
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function counter(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4))
}

// The same file in the sources, and as it is built.
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js", import.meta.url)

class Threads implements Crew {
  readonly workers: number
  readonly #threads: Worker[]
  readonly #waiting = new Map<Worker, { resolve(answer: Answer): void; reject(error: unknown): void }>()
  #failure: unknown

  constructor(setup: Setup, workers: number) {
    this.workers = workers
    this.#threads = Array.from({ length: workers }, () => new Worker(THREAD, { workerData: setup }))
    for (const thread of this.#threads) {
      thread.on("message", (answer: Answer) => this.#take(thread)?.resolve(answer))
      thread.on("error", (error) => this.#fail(error))
      thread.on("exit", () => this.#fail(new FedmoteError("workers", "a worker thread ended before its work did")))
    }
  }

  async fold(job: Unshared<FoldJob>): Promise<FoldPart[]> {
    const answers = await this.#ask({ ...job, type: "fold", next: counter() })
    return answers.flatMap((answer) => ("part" in answer ? [answer.part] : []))
  }

  async baselines(job: Unshared<BaselineJob>): Promise<Scored[]> {
    const answers = await this.#ask({ ...job, type: "baseline", next: counter() })
    return answers.flatMap((answer) => ("scored" in answer ? answer.scored : []))
  }

  async close(): Promise<void> {
    this.#fail(new FedmoteError("workers", "the simulation was ended"))
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }

  async #ask(job: FoldJob | BaselineJob): Promise<Answer[]> {
    const answers = await Promise.all(
      this.#threads.map((thread) => {
        if (this.#failure !== undefined) throw this.#failure
        const { promise, resolve, reject } = Promise.withResolvers<Answer>()
        this.#waiting.set(thread, { resolve, reject })
        thread.postMessage(job)
        return promise
      }),
    )
    for (const answer of answers) if ("error" in answer) throw new FedmoteError(answer.error.code, answer.error.message)
    return answers
  }

  #take(thread: Worker): { resolve(answer: Answer): void } | undefined {
    const waiting = this.#waiting.get(thread)
    this.#waiting.delete(thread)
    return waiting
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
