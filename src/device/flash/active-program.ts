import { ModuleProgram } from "../module-program.ts"
import type { Workbench } from "../workbench.ts"
import type { VerifiedModule } from "./slot.ts"

/** The program that trains: that of the module that runs, or the built-in kernels. */
export class ActiveProgram {
  readonly #bench: Workbench
  readonly #stepMs: number
  #program: ModuleProgram | undefined

  /** `stepMs`: time for a step of training. */
  constructor(bench: Workbench, stepMs: number) {
    this.#bench = bench
    this.#stepMs = stepMs
  }

  /** Undefined for the built-in kernels. */
  get program(): ModuleProgram | undefined {
    return this.#program
  }

  /** From now on this module trains. Not while a round is worked on. */
  use(module: VerifiedModule | undefined): void {
    void this.rest()
    this.#program = this.of(module)
    this.#bench.use(this.#program)
  }

  /** A module's program, with the memory that its manifest gives it. */
  of(module: VerifiedModule | undefined): ModuleProgram | undefined {
    if (module === undefined) return undefined
    const { bytes, manifest } = module
    return new ModuleProgram(bytes, { mostBytes: manifest.memoryKiB * 1024, stepMs: this.#stepMs })
  }

  /** Ends the module's thread; another begins when it is needed. */
  async rest(): Promise<void> {
    await this.#program?.close()
  }
}
