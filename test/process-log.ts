import type { Readable } from "node:stream"

/** What a process writes to one of its streams. */
export interface ProcessLog {
  /** All of it so far. */
  text(): string
  /** Resolves as soon as whole lines match; rejects when the process ends without. */
  saw(pattern: RegExp): Promise<RegExpExecArray>
}

/** Listens to `stream` of the process that is called `name`; `ended` resolves when that is over. */
export function watchLog(name: string, stream: Readable, ended: Promise<unknown>): ProcessLog {
  let log = ""
  const watchers = new Set<() => void>()
  stream.setEncoding("utf8").on("data", (text: string) => {
    log += text
    for (const watcher of watchers) watcher()
  })
  return {
    text: () => log,
    saw(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
      const look = (): void => {
        const match = pattern.exec(log.slice(0, log.lastIndexOf("\n") + 1))
        if (match !== null) resolve(match)
      }
      watchers.add(look)
      look()
      void ended.then(() => reject(new Error(`${name} ended without ${pattern}:\n${log}`)))
      return promise.finally(() => watchers.delete(look))
    },
  }
}
