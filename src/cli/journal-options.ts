import type { Command } from "commander"
import { once } from "node:events"
import { createInterface } from "node:readline/promises"
import { setAside } from "../coordinator/journal/database.ts"
import { JournalError } from "../coordinator/journal/journal.ts"
import type { Journal } from "../coordinator/journal/journal.ts"
import { openJournal } from "../coordinator/journal/sqlite-journal.ts"
import { FedmoteError } from "../core/error.ts"
import type { Context } from "./context.ts"

/** The options about a coordinator's journal. */
export interface JournalFlags {
  readonly dataDir?: string
  readonly fresh?: boolean
  readonly yes?: boolean
}

export function addJournalOptions(command: Command): Command {
  return command
    .option("--data-dir <folder>", "keep a journal here: after a crash the same command goes on from its last commit")
    .option("--fresh", "discard the run that the journal has, after asking")
    .option("--yes", "do not ask")
}

/** Where a question is asked: a person's terminal, or something that has no answer. */
export interface Asked {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream
}

/**
 * The journal that the flags name, open; undefined without `--data-dir`. With `--fresh` what it has is discarded, or where it is damaged set aside, if
 * that is what whoever is asked wants.
 */
export async function openFlaggedJournal(
  { dataDir, fresh = false, yes = false }: JournalFlags,
  context: Pick<Context, "log" | "signal">,
  asked: Asked = { input: process.stdin, output: process.stderr },
): Promise<Journal | undefined> {
  if (dataDir === undefined) {
    if (fresh) throw new FedmoteError("usage", "--fresh discards what a journal has: say which, with --data-dir FOLDER")
    return undefined
  }
  if (yes && !fresh) throw new FedmoteError("usage", "--yes answers what --fresh asks: there is no --fresh")
  const consent = (what: string): Promise<void> => (yes ? Promise.resolve() : confirm(what, asked, context.signal))
  let journal: Journal | undefined
  try {
    journal = openJournal(dataDir)
    // Reads all of it, too: a damaged model shows itself here.
    const run = journal.run()
    if (!fresh || run === undefined) return journal
    const { trained } = run.snapshot.position
    await consent(`discard run ${run.id} of fleet ${run.plan.fleet}, ${trained} of ${run.plan.rounds} rounds committed`)
    journal.discard()
    return journal
  } catch (error) {
    journal?.close()
    if (!fresh || !(error instanceof JournalError) || error.code !== "journal-corrupt") throw error
    await consent("set the damaged journal aside, and begin without it")
    context.log.warn(`the damaged journal is now ${setAside(dataDir)}`)
    return openJournal(dataDir)
  }
}

async function confirm(what: string, { input, output }: Asked, signal: AbortSignal): Promise<void> {
  if (input.isTTY !== true)
    throw new FedmoteError("usage", `--fresh would ${what}: add --yes to say so, there is no terminal to ask at`)
  // Not as a terminal of its own: Ctrl-C stays what it is.
  const lines = createInterface({ input, output, terminal: false })
  try {
    const question = lines.question(`${what[0]!.toUpperCase()}${what.slice(1)}? [y/N] `, { signal })
    // No answer at all is none.
    const answer = await Promise.race([question, once(lines, "close").then(() => "")])
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new FedmoteError("usage", "nothing was discarded; without --fresh the run goes on")
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw error
  } finally {
    lines.close()
  }
}
