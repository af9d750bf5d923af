import * as net from "node:net"
import { setTimeout as sleep } from "node:timers/promises"

/** A way to a broker on which so many bytes a second pass, in each direction. */
export interface SlowLink {
  readonly url: string
  /** From now on nothing holds bytes back. */
  hurry(): void
  close(): Promise<void>
}

const SLICE_BYTES = 1024

/** Forwards TCP connections to a port of this machine. */
export async function slowLink(port: number, rate: { readonly up: number; readonly down: number }): Promise<SlowLink> {
  const sockets = new Set<net.Socket>()
  let hurried = false
  const pass = async (from: net.Socket, to: net.Socket, bytesPerSecond: number): Promise<void> => {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>)
        for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
          const slice = chunk.subarray(at, at + SLICE_BYTES)
          if (!to.writable) return
          to.write(slice)
          if (!hurried) await sleep((1000 * slice.length) / bytesPerSecond)
        }
      to.end()
    } catch {
      // Whichever end breaks off ends both.
    } finally {
      from.destroy()
      if (!to.writable) to.destroy()
    }
  }
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1")
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on("error", () => other.destroy())
      socket.once("close", () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    void pass(near, far, rate.up)
    void pass(far, near, rate.down)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `mqtt://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    hurry: () => void (hurried = true),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
