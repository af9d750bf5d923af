import { FedmoteError } from "../core/error.ts"

/**
 * What the kernels refuse; `code` is one of "module", "samples", "settings", "diverged", and of the codecs and the fold "delta", "payload",
 * "bound", "weight", "merge".
 */
export class KernelError extends FedmoteError {}
