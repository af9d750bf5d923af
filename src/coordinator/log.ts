/** Where a coordinator logs: what pino has. Fields never hold models, updates or readings. */
export interface CoordinatorLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  debug(fields: object, message: string): void
}

export const NO_LOG: CoordinatorLog = { info() {}, warn() {}, debug() {} }

/** Devices remembered as complained about; a hostile fleet could name any number. */
const MOST_REMEMBERED = 10_000

/** Warns once about each device and kind of fault. */
export class Complaints {
  readonly #log: CoordinatorLog
  readonly #known = new Set<string>()

  constructor(log: CoordinatorLog) {
    this.#log = log
  }

  about(device: string, fault: string, fields: object): void {
    const name = `${device} ${fault}`
    if (this.#known.has(name) || this.#known.size >= MOST_REMEMBERED) return
    this.#known.add(name)
    this.#log.warn({ device, ...fields }, fault)
  }
}
