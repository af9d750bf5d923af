import { readFile } from "node:fs/promises"
import { FedmoteError } from "../core/error.ts"
import { parseResult } from "../core/result.ts"
import type { Result } from "../core/result.ts"

/** Reads a `fedmote-result/1` file. Throws `FedmoteError` ("result"), one line that names the file. */
export async function readResult(file: string): Promise<Result> {
  let text: string
  try {
    text = await readFile(file, "utf8")
  } catch (error) {
    throw new FedmoteError("result", `cannot read result ${file}: ${(error as Error).message}`, { cause: error })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new FedmoteError("result", `${file}: not JSON: ${(error as Error).message}`, { cause: error })
  }
  try {
    return parseResult(value)
  } catch (error) {
    if (!(error instanceof FedmoteError)) throw error
    throw new FedmoteError("result", `${file}: ${error.message}`, { cause: error })
  }
}

/** Throws `FedmoteError` ("replay") where a replay ended in another model. */
export function checkDigest(recorded: Result, replayed: Result, file: string): void {
  const want = recorded.model.digest
  const got = replayed.model.digest
  if (want !== got) throw new FedmoteError("replay", `${file}: expected a replay with model ${want}, got ${got}`)
}
