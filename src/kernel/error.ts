import { FedmoteError } from "../core/error.ts"

/** What the kernels refuse; `code` is one of "module", "samples", "settings", "diverged", "payload". */
export class KernelError extends FedmoteError {}
