/** To be loaded before a program: kills its process (-9) as soon as it has written a line to standard error that matches KILL_AT. */
const pattern = new RegExp(process.env["KILL_AT"]!)
const write = process.stderr.write.bind(process.stderr) as (text: unknown, ...rest: unknown[]) => boolean
process.stderr.write = ((text: unknown, ...rest: unknown[]) => {
  // A pipe is written to at once.
  const written = write(text, ...rest)
  if (pattern.test(String(text))) process.kill(process.pid, "SIGKILL")
  return written
}) as typeof process.stderr.write
