import { TopicTree } from "../topic-tree.ts"

export interface Emitted {
  readonly topic: string
  /** The client that published it. */
  readonly clientId?: string
}

type Listener = (message: Emitted, done: () => void) => void

/**
 * What aedes routes messages with, in place of mqemitter, whose queue empties itself by recursion and ends the process under a cohort's
 * load. Here nothing queues: a message goes to its listeners at once, in order of arrival, and whoever is slow is held back further on,
 * per client (`Outbox`). `done` never runs inside `emit`, so aedes cannot re-enter its parser either.
 */
export class BrokerEmitter {
  readonly #tree = new TopicTree<Listener>()
  readonly #hold: (clientId: string) => () => void
  #closed = false

  /** `hold` stops reading from a client until the returned function is called: it has published something that a receiver has no room for. */
  constructor(hold: (clientId: string) => () => void) {
    this.#hold = hold
  }

  on(filter: string, listener: Listener, done?: () => void): this {
    this.#tree.add(filter, listener)
    if (done !== undefined) setImmediate(done)
    return this
  }

  removeListener(filter: string, listener: Listener, done?: () => void): this {
    this.#tree.delete(filter, listener)
    if (done !== undefined) setImmediate(done)
    return this
  }

  /** `done` is called when every listener has called its own. */
  emit(message: Emitted, done: (error?: Error) => void = () => {}): this {
    if (this.#closed) {
      setImmediate(done, new Error("the broker is closed"))
      return this
    }
    const listeners = this.#tree.match(message.topic)
    let waiting = 1 + listeners.length
    let goOn: (() => void) | undefined
    const listenerDone = (): void => {
      if (--waiting > 0) return
      goOn?.()
      queueMicrotask(done)
    }
    for (const listener of listeners) listener(message, listenerDone)
    if (waiting > 1 && message.clientId !== undefined) goOn = this.#hold(message.clientId)
    listenerDone()
    return this
  }

  close(done: () => void): this {
    this.#closed = true
    setImmediate(done)
    return this
  }
}
