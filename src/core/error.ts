/**
 * The one error class of the project. `code` is stable and machine-readable; the message says what was
 * expected, what came, and where.
 */
export class FedmoteError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** For the default branch of a `switch` over a union: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new FedmoteError("internal", `unexpected value ${JSON.stringify(value)}`)
}
