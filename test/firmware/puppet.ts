import { spawn } from "node:child_process"
import type { ChildProcessWithoutNullStreams } from "node:child_process"

/** What a device on the rig is given; see firmware-bridge/test/rig.h. */
export interface Setup {
  readonly incoming?: number
  readonly outgoing?: number
  readonly memory?: number
  readonly features?: number
  readonly classes?: number
  readonly rows?: number
  readonly test?: number
  /** 1: everything that there is, not only what a small image has. */
  readonly all?: number
  readonly login?: number
  /** 1: one of its training samples has a value that is no number. */
  readonly broken?: number
}

/** What the device told its owner. `number` and `text` as in fedmote.h. */
export interface Told {
  readonly event: string
  readonly result: string
  readonly round: number
  readonly epoch: number
  readonly number: number
  readonly text: string
}

/** Where a device stands after a command. */
export interface Step {
  /** The virtual clock. */
  readonly ms: number
  /** What the last poll said. */
  readonly result: string
  /** How often it opened its stream, and reset it. */
  readonly opened: number
  readonly resets: number
  /** Bytes that it has not read. */
  readonly unread: number
  readonly told: readonly Told[]
  /** What it wrote. */
  readonly wrote: Buffer
  /** Anything else that was asked for, in bytes. */
  readonly answers: Readonly<Record<string, Buffer>>
}

/** A device of C in a process of its own that moves only when it is told to: see firmware-bridge/test/puppet.c. */
export class Puppet {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting: { resolve(step: Step): void; reject(error: Error): void }[] = []
  #lines: string[] = []
  #rest = ""
  #errors = ""

  constructor(program: string, setup: Setup = {}) {
    this.#child = spawn(
      program,
      Object.entries(setup).map(([name, value]) => `${name}=${value}`),
    )
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text))
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => this.#hear(text))
    this.#child.stdin.on("error", () => {})
    this.#child.once("close", (code, signal) => {
      const error = new Error(`the device ended (${code ?? signal}):\n${this.#errors}`)
      for (const { reject } of this.#waiting.splice(0)) reject(error)
    })
  }

  feed(bytes: Uint8Array): Promise<Step> {
    return this.#command(`feed ${Buffer.from(bytes).toString("hex")}`)
  }

  /** Goes on for `ms` of virtual time, or until it has written, opened or reset something. */
  run(ms: number): Promise<Step> {
    return this.#command(`run ${ms}`)
  }

  /** What opening the stream comes to from now on. */
  open(result: string): Promise<Step> {
    return this.#command(`open ${result}`)
  }

  /** Most bytes that one read and one write take; -1: the stream has ended. */
  async limits(read: number, write: number): Promise<void> {
    await this.#command(`read ${read}`)
    await this.#command(`write ${write}`)
  }

  willing(is: boolean): Promise<Step> {
    return this.#command(`willing ${is ? 1 : 0}`)
  }

  leave(): Promise<Step> {
    return this.#command("leave")
  }

  /** The released model's bytes; none: there is no such model. */
  async model(): Promise<Buffer> {
    return (await this.#command("model")).answers.model!
  }

  /** The released model's outputs for the first sample. */
  async predict(): Promise<Float32Array> {
    const { outputs } = (await this.#command("predict")).answers
    return new Float32Array(new Uint8Array(outputs!).buffer)
  }

  /** Ends the process; rejects where it had faults. */
  async end(): Promise<void> {
    const ended = new Promise<number | null>((resolve) => this.#child.once("close", (code) => resolve(code)))
    if (this.#child.exitCode === null) {
      this.#child.stdin.end()
      await ended
    }
    if (this.#child.exitCode !== 0) throw new Error(`the device ended (${this.#child.exitCode}):\n${this.#errors}`)
  }

  #command(line: string): Promise<Step> {
    const { promise, resolve, reject } = Promise.withResolvers<Step>()
    if (this.#child.exitCode !== null) reject(new Error(`the device has ended:\n${this.#errors}`))
    this.#waiting.push({ resolve, reject })
    this.#child.stdin.write(`${line}\n`)
    return promise
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split("\n")
    this.#rest = lines.pop()!
    for (const line of lines) {
      if (line.startsWith("at ")) {
        this.#waiting.shift()!.resolve(step(line, this.#lines))
        this.#lines = []
      } else this.#lines.push(line)
    }
  }
}

function step(last: string, lines: readonly string[]): Step {
  const [, ms, result, opened, resets, unread] = last.split(" ")
  const told: Told[] = []
  const answers: Record<string, Buffer> = { wrote: Buffer.alloc(0) }
  for (const line of lines) {
    const [name, ...words] = line.split(" ")
    if (name === "event") told.push(tale(words))
    else answers[name!] = Buffer.from(words[0]!, "hex")
  }
  return {
    ms: Number(ms),
    result: result!,
    opened: Number(opened),
    resets: Number(resets),
    unread: Number(unread),
    told,
    wrote: answers.wrote!,
    answers,
  }
}

function tale([event, result, round, epoch, number, text]: readonly string[]): Told {
  return {
    event: event!,
    result: result!,
    round: Number(round),
    epoch: Number(epoch),
    number: Number(number),
    text: Buffer.from(text!, "hex").toString(),
  }
}
