import { spawn } from "node:child_process"
import { glob, mkdtemp, rm, writeFile } from "node:fs/promises"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Certificate } from "./certificate.ts"

export interface MosquittoOptions {
  /** Default: any free port. */
  readonly port?: number
  /** The only user; without it everybody may connect. */
  readonly user?: { readonly name: string; readonly password: string }
  /** A filter that nobody may subscribe to. */
  readonly refused?: string
  readonly tls?: Certificate
  /** More lines for mosquitto.conf. */
  readonly config?: readonly string[]
}

export interface Mosquitto {
  readonly url: string
  readonly port: number
  /** Kills the broker and waits for its end. */
  stop(): Promise<void>
}

// Debian keeps it in sbin, which is not on every user's PATH.
const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin` }

/** Starts a real Mosquitto with a configuration of its own, and waits until it accepts connections. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const port = options.port ?? (await freePort())
  const folder = await mkdtemp(join(tmpdir(), "fedmote-mosquitto-"))
  const config = [
    `listener ${port} 127.0.0.1`,
    // Started by root it would become a user who cannot read this folder.
    ...(process.getuid?.() === 0 ? ["user root"] : []),
    "persistence false",
    "set_tcp_nodelay true",
    // By default the 1001st message that waits for a client is dropped in silence; 0 (no limit) has bugs in 2.0.
    "max_queued_messages 100000",
    `allow_anonymous ${options.user === undefined}`,
    ...(options.config ?? []),
  ]
  if (options.user !== undefined) {
    const file = join(folder, "passwords")
    await writeFile(file, `${options.user.name}:${options.user.password}\n`, { mode: 0o600 })
    await run("mosquitto_passwd", ["-U", file])
    config.push(`password_file ${file}`)
  }
  if (options.refused !== undefined) config.push(...(await refuseFilter(options.refused, folder)))
  if (options.tls !== undefined) config.push(`certfile ${options.tls.certFile}`, `keyfile ${options.tls.keyFile}`)
  await writeFile(join(folder, "mosquitto.conf"), `${config.join("\n")}\n`)

  const child = spawn("mosquitto", ["-c", join(folder, "mosquitto.conf")], { stdio: ["ignore", "ignore", "pipe"], env })
  let log = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log = (log + text).slice(-4000)))
  let failure: string | undefined
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      failure = `mosquitto did not start (${error.message}); test/system-packages.sh installs it`
      resolve()
    })
    child.once("exit", (code) => {
      failure = `mosquitto ended with code ${code}: ${log}`
      resolve()
    })
  })
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL")
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  while (!(await accepts(port))) {
    if (failure !== undefined) {
      await stop()
      throw new Error(failure)
    }
    await sleep(10)
  }
  const scheme = options.tls === undefined ? "mqtt" : "mqtts"
  return { url: `${scheme}://127.0.0.1:${port}`, port, stop }
}

/** Only the dynamic security plugin answers a subscription with 0x80; an ACL file grants all, and then delivers nothing. */
async function refuseFilter(topic: string, folder: string): Promise<string[]> {
  const [plugin] = await Array.fromAsync(glob("/usr/{lib,lib/*,local/lib}/mosquitto_dynamic_security.so"))
  if (plugin === undefined)
    throw new Error("mosquitto_dynamic_security.so not found; it comes with the mosquitto package")
  const file = join(folder, "security.json")
  const allow = { publishClientSend: true, publishClientReceive: true, subscribe: true, unsubscribe: true }
  const acl = { acltype: "subscribeLiteral", topic, priority: 1, allow: false }
  const everybody = { groupname: "everybody", roles: [{ rolename: "user" }] }
  const rules = {
    defaultACLAccess: allow,
    roles: [{ rolename: "user", acls: [acl] }],
    groups: [everybody],
    anonymousGroup: "everybody",
  }
  await writeFile(file, JSON.stringify(rules))
  return [`plugin ${plugin}`, `plugin_opt_config_file ${file}`]
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: "ignore", env })
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with code ${code}`))))
  })
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}
