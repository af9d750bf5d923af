import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FIRMWARE } from "./build.ts"
import { watch } from "./federation.ts"
import type { CDevice } from "./federation.ts"

/** The emulated boards: an385 is a Cortex-M3 without FPU, an386 a Cortex-M4 with one. */
export type Board = "an385" | "an386"

export const PORT = join(FIRMWARE, "port", "cortex-m")

/** Images for a board, in a folder of their own. */
export interface BoardBuild {
  readonly folder: string
  path(file: string): string
  remove(): void
}

/** `variables`: make's, such as SAMPLES=... */
export function buildFor(board: Board, goals: readonly string[], variables: readonly string[] = []): BoardBuild {
  const folder = mkdtempSync(join(tmpdir(), `fedmote-${board}-`))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  try {
    run("make", ["-s", "-j2", "-C", PORT, `BOARD=${board}`, `BUILD=${folder}`, ...variables, ...goals])
  } catch (error) {
    remove()
    throw error
  }
  return { folder, path: (file) => join(folder, file), remove }
}

/** QEMU's arguments to run an image; `args` are the program's. Semihosting: it may write here, read files and end QEMU. */
export function qemuArguments(board: Board, image: string, args: readonly string[]): string[] {
  const semihosting = ["enable=on", "target=native", ...["fedmote", ...args].map((each) => `arg=${each}`)].join(",")
  return [
    "-M",
    `mps2-${board}`,
    "-display",
    "none",
    "-monitor",
    "none",
    "-semihosting-config",
    semihosting,
    "-kernel",
    image,
  ]
}

/** Runs an image to its end and returns what it wrote; throws with it where it fails. `more`: arguments of QEMU's. */
export function runOnBoard(board: Board, image: string, args: readonly string[], more: readonly string[] = []): string {
  return run("qemu-system-arm", [...qemuArguments(board, image, args), "-serial", "none", ...more])
}

/**
 * An image that takes part in federations with the samples of a CSV file. `sizes`: main.c's, such as MEMORY_FLOATS; `ram`: bytes of RAM in all and of
 * stack, for a part with less than the board's.
 */
export function buildDevice(
  board: Board,
  csv: string,
  sizes: Readonly<Record<string, number | string>>,
  ram?: { readonly bytes: number; readonly stackBytes: number },
): BoardBuild {
  const source = `${csv}.c`
  writeFileSync(source, run(process.execPath, [join(PORT, "samples.mjs"), csv, "label"]))
  const defines = Object.entries(sizes).map(([name, value]) => `-D${name}=${value}`)
  const variables = [`SAMPLES=${source}`, `DEVICE=${defines.join(" ")}`]
  if (ram !== undefined)
    variables.push(`RAM=-Wl,--defsym=RAM_BYTES=${ram.bytes},--defsym=STACK_BYTES=${ram.stackBytes}`)
  return buildFor(board, ["device"], variables)
}

const boards = new Set<CDevice>()

/** Starts a board with its UART at the broker; QEMU dials again a second after the broker hangs up, and the board does not see it. */
export function startBoard(board: Board, image: string, fleet: string, id: string, broker: string): CDevice {
  const { hostname, port } = new URL(broker)
  const uart = [
    "-chardev",
    `socket,id=broker,host=${hostname},port=${port},reconnect=1,nodelay=on`,
    "-serial",
    "chardev:broker",
  ]
  const started = watch(id, spawn("qemu-system-arm", [...qemuArguments(board, image, [fleet, id]), ...uart]))
  boards.add(started)
  void started.ended.then(() => boards.delete(started))
  return started
}

/** Ends the boards that still run, after a test that failed. */
export function stopBoards(): void {
  for (const { child } of boards) child.kill("SIGKILL")
}

/** Runs a program to its end and returns what it wrote, on stdout and then on stderr. */
function run(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 })
  const written = `${done.stdout}${done.stderr}`
  if (done.status !== 0) throw new Error(`${command} failed:\n${written}`, { cause: done.error })
  return written
}
