import { openJournal } from "../../../src/coordinator/journal/sqlite-journal.ts"
import { IDENTITY, federationLife, madeUpCommit } from "./federation-life.ts"

/** A process that commits one round after the other as fast as it can, and says its number once it is done. To be killed. */
const { first } = federationLife()
const journal = openJournal(process.argv[2]!)
if (journal.run() === undefined) journal.begin(IDENTITY, first)
for (let round = journal.run()!.snapshot.model.version + 1; ; round++) {
  journal.commit(madeUpCommit(first, round))
  process.stdout.write(`${round}\n`)
}
