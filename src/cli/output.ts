import { FedmoteError } from "../core/error.ts"
import { writeAtomically } from "../report/atomic-file.ts"

/** Where results go: a file, or `-` for standard output, where a command then writes nothing else. */
export type Target = string

/** Writes `value` as JSON, indented, with a line end. Settles when all of it is written; a reader that went away (`| head`) is no error. */
export async function writeJson(
  value: unknown,
  target: Target,
  stdout: NodeJS.WritableStream = process.stdout,
): Promise<void> {
  const text = `${JSON.stringify(value, null, 2)}\n`
  if (target !== "-") return writeAtomically(target, text)
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      error.code === "EPIPE"
        ? resolve()
        : reject(new FedmoteError("output", `cannot write to standard output: ${error.message}`, { cause: error }))
    stdout.once("error", onError)
    stdout.write(text, (error) => {
      if (error !== null && error !== undefined) return
      stdout.off("error", onError)
      resolve()
    })
  })
}
