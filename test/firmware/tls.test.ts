import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { mqttNetwork, parsePlan } from "../../src/index.ts"
import type { Certificate } from "../net/certificate.ts"
import { createCertificate } from "../net/certificate.ts"
import { startMosquitto } from "../net/mosquitto.ts"
import type { Mosquitto } from "../net/mosquitto.ts"
import type { Build } from "./build.ts"
import { build } from "./build.ts"
import { federate, startCDevice, writeSamples } from "./federation.ts"

const run = promisify(execFile)

let folder: string
let data: string
let programs: Build
let certificate: Certificate
let other: Certificate
let broker: Mosquitto

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fedmote-tls-"))
  programs = build("gcc", ["all"], true)
  certificate = await createCertificate()
  other = await createCertificate()
  data = await writeSamples(folder, "d-0", 1, 3, 30, (x) => (x[0]! > 0 ? 1 : 0))
  broker = await startMosquitto({ tls: certificate })
})
afterAll(async () => {
  await broker?.stop()
  programs?.remove()
  await Promise.all([certificate, other].map((each) => each?.remove()))
  await rm(folder, { recursive: true, force: true })
})

/** How the program ends: its exit code, and its last words. */
async function ends(url: string, ...options: readonly string[]): Promise<[code: number | null, log: string]> {
  const program = programs.path("fedmote-c-device")
  const device = startCDevice({ id: "d-0", data, program, options }, "lab", url)
  return [await device.ended, device.log()]
}

describe("fedmote-c-device over TLS", () => {
  test.each(["localhost", "127.0.0.1"])("takes part where the broker's certificate is for %s", async (host) => {
    const url = `mqtts://${host}:${broker.port}`
    const plan = parsePlan({
      fleet: "lab",
      rounds: 2,
      cohort: 1,
      model: { features: 3, labels: ["0", "1"], hidden: "none" },
      codecs: ["int8"],
    })
    const program = programs.path("fedmote-c-device")
    const member = { id: "d-0", data, program, options: ["--ca", certificate.certFile] }
    const { digest, digests } = await federate(plan, [member], mqttNetwork(url, { tls: { ca: certificate.cert } }), url)
    expect(digests).toEqual([digest])
  })

  test("does not without an authority, nor with one that has not vouched for the broker", async () => {
    const url = `mqtts://127.0.0.1:${broker.port}`
    const [usage, why] = await ends(url)
    expect(usage).not.toBe(0)
    expect(why).toMatch(/mqtts:\/\/.*--ca/)
    const [code, log] = await ends(url, "--ca", other.certFile)
    expect(code).not.toBe(0)
    expect(log).toContain(`127.0.0.1:${broker.port}: no certificate of --ca vouches for the broker's`)
  })

  test("does not where the certificate is for another name", async () => {
    const files = await made("name", "example.org", "DNS:example.org", 2)
    const elsewhere = await startMosquitto({ tls: { ...certificate, ...files } })
    try {
      for (const host of ["127.0.0.1", "localhost"]) {
        const [code, log] = await ends(`mqtts://${host}:${elsewhere.port}`, "--ca", files.certFile)
        expect(code).not.toBe(0)
        expect(log).toContain("the broker's certificate is for another name")
      }
    } finally {
      await elsewhere.stop()
    }
  })

  test("does not where the certificate has expired", async () => {
    const files = await made("expired", "localhost", "DNS:localhost,IP:127.0.0.1", -1)
    const stale = await startMosquitto({ tls: { ...certificate, ...files } })
    try {
      const [code, log] = await ends(`mqtts://127.0.0.1:${stale.port}`, "--ca", files.certFile)
      expect(code).not.toBe(0)
      expect(log).toContain("has expired")
    } finally {
      await stale.stop()
    }
  })

  test("says which file it cannot use", async () => {
    const url = `mqtts://127.0.0.1:${broker.port}`
    const [code, log] = await ends(url, "--ca", data)
    expect(code).not.toBe(0)
    expect(log).toContain(data)
    expect((await ends(url, "--ca", join(folder, "none.pem")))[1]).toContain("none.pem")
  })

  test("is not there in a build without mbedTLS, which says so", async () => {
    const out = join(folder, "plain")
    await run("make", ["-s", "-C", "firmware-bridge", "TLS=no", `BUILD=${out}`, "all"])
    const device = startCDevice(
      { id: "d-0", data, program: join(out, "fedmote-c-device"), options: ["--ca", certificate.certFile] },
      "lab",
      `mqtts://127.0.0.1:${broker.port}`,
    )
    expect(await device.ended).not.toBe(0)
    expect(device.log()).toContain("mqtts:// needs mbedTLS")
  })
})

/** A self-signed certificate for other names, or of yesterday. */
async function made(
  file: string,
  subject: string,
  names: string,
  days: number,
): Promise<{ certFile: string; keyFile: string }> {
  const [certFile, keyFile, request] = ["pem", "key", "csr"].map((kind) => join(folder, `${file}.${kind}`)) as [
    string,
    string,
    string,
  ]
  const key = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", keyFile]
  await run("openssl", [
    "req",
    "-new",
    ...key,
    "-subj",
    `/CN=${subject}`,
    "-addext",
    `subjectAltName=${names}`,
    "-out",
    request,
  ])
  const sign = ["x509", "-req", "-in", request, "-signkey", keyFile, "-days", String(days), "-copy_extensions", "copy"]
  await run("openssl", [...sign, "-out", certFile])
  return { certFile, keyFile }
}
