import { openJournal } from "../../../src/coordinator/journal/sqlite-journal.ts"
import { IDENTITY, federationLife } from "./federation-life.ts"

/** A process that commits as fast as it can, and says the number of each commit (its threshold) once it is done. To be killed. */
const { first, commits } = federationLife()
const journal = openJournal(process.argv[2]!)
let number = journal.run()?.snapshot.threshold ?? 0
if (number === 0) journal.begin(IDENTITY, { ...first, threshold: 0 })
for (;;) {
  number++
  const commit = commits[number % commits.length]!
  journal.commit({ ...commit, snapshot: { ...commit.snapshot, threshold: number } })
  process.stdout.write(`${number}\n`)
}
