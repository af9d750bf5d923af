import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { parse } from "yaml"
import { FIRMWARE } from "./build.ts"

/** What every package is made from: the sources that sources.mk lists. */
const sources = [...read("sources.mk").matchAll(/^ {2}(src\/\S+\.c)/gm)].map(([, path]) => path!)
const CONSUMER = join(FIRMWARE, "test/packages/consumer")

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fedmote-packages-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function read(path: string): string {
  return readFileSync(join(FIRMWARE, path), "utf8")
}

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
}

/**
 * What a file of CMake asks of a platform that is not here: its commands, written down instead of carried out. Each as its arguments by name; paths are
 * relative to the library's folder.
 */
function asks(file: string, commands: readonly string[], settings: readonly string[]): ReadonlyMap<string, string[]> {
  const script = join(folder, "asks.cmake")
  writeFileSync(
    script,
    [
      ...settings.map((setting) => `set(${setting})`),
      ...commands.map((name) => `function(${name})\nmessage(STATUS "${name};\${ARGV}")\nendfunction()`),
      `include("${join(FIRMWARE, file)}")`,
      "",
    ].join("\n"),
  )
  const lines = run("cmake", "-P", script).trim().split("\n")
  return new Map(
    lines.map((line) => {
      const [name, ...args] = line.replace(/^-- /, "").replaceAll(FIRMWARE, "").split(";")
      return [name!, args]
    }),
  )
}

test("the list of sources is all that there is, in order, and each once", () => {
  const files = readdirSync(join(FIRMWARE, "src")).filter((name) => name.endsWith(".c"))
  expect(sources).toEqual(files.map((name) => `src/${name}`).toSorted())
})

describe("CMake", () => {
  const build = (from: string, name: string, ...options: readonly string[]): string => {
    const to = join(folder, name)
    run("cmake", "-S", from, "-B", to, "-DCMAKE_BUILD_TYPE=Release", ...options)
    run("cmake", "--build", to, "-j2")
    return to
  }

  let prefix: string
  beforeAll(() => {
    prefix = join(folder, "prefix")
    const where = [`-DCMAKE_INSTALL_PREFIX=${prefix}`, "-DCMAKE_INSTALL_LIBDIR=lib"]
    run("cmake", "--install", build(FIRMWARE, "library", ...where))
  })

  test("a project finds the installed package, and links it", () => {
    expect(readdirSync(join(prefix, "include"))).toEqual(["fedmote.h", "fedmote_module.h"])
    const members = run("ar", "t", join(prefix, "lib/libfedmote.a")).trim().split("\n")
    expect(members.map((name) => `src/${name.replace(/\.o$/, "")}`).toSorted()).toEqual(sources)
    const consumer = build(CONSUMER, "installed", `-DCMAKE_PREFIX_PATH=${prefix}`)
    expect(run(join(consumer, "consumer"))).toBe("nothing to do for now: call again later\n")
  })

  test("a project has the library as a folder of its own", () => {
    const consumer = build(CONSUMER, "within", `-DFEDMOTE_FOLDER=${FIRMWARE}`)
    expect(run(join(consumer, "consumer"))).toBe("nothing to do for now: call again later\n")
  })

  test("the header is one of C++ too", () => {
    const flags = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wno-missing-field-initializers", "-Werror"]
    const object = join(folder, "main.o")
    const program = join(folder, "program")
    run("clang", "-x", "c++", ...flags, "-I", join(prefix, "include"), "-c", join(CONSUMER, "main.c"), "-o", object)
    run("clang", object, join(prefix, "lib/libfedmote.a"), "-o", program)
    expect(run(program)).toBe("nothing to do for now: call again later\n")
  })
})

// Neither platform is here: what they would be asked is held to the list.
test("Zephyr's module is the same sources and options", () => {
  const { build } = parse(read("zephyr/module.yml")) as { build: Record<string, string> }
  expect(build).toEqual({ cmake: "zephyr", kconfig: "zephyr/Kconfig" })
  const symbol = /^config (\w+)/m.exec(read(build.kconfig!))![1]
  const commands = ["library_named", "library_sources", "library_compile_options", "include_directories"]
  const names = commands.map((name) => `zephyr_${name}`)
  const asked = asks(`${build.cmake}/CMakeLists.txt`, names, [`CONFIG_${symbol} y`])
  expect(asked.get("zephyr_library_sources")).toEqual(sources)
  expect(asked.get("zephyr_library_compile_options")).toEqual(["-ffp-contract=off"])
  expect(asked.get("zephyr_include_directories")).toEqual(["include"])
})

test("ESP-IDF's component is the same sources and options", () => {
  const commands = ["idf_component_register", "target_compile_options"]
  const asked = asks("CMakeLists.txt", commands, ["ESP_PLATFORM 1", "COMPONENT_LIB fedmote"])
  expect(asked.get("idf_component_register")).toEqual(["SRCS", ...sources, "INCLUDE_DIRS", "include"])
  expect(asked.get("target_compile_options")).toEqual(["fedmote", "PRIVATE", "-ffp-contract=off"])
})

test("PlatformIO's library is the same sources and options", () => {
  const { build } = JSON.parse(read("library.json")) as { build: Record<string, unknown> }
  // Every file of src/, which is what sources.mk lists.
  expect(build).toEqual({
    includeDir: "include",
    srcDir: "src",
    srcFilter: ["+<*.c>"],
    flags: ["-ffp-contract=off"],
  })
})

test("every package has the version and the licence of the whole", () => {
  const whole = JSON.parse(readFileSync(join(FIRMWARE, "../package.json"), "utf8")) as Record<string, string>
  const same = { version: whole.version, license: whole.license }
  expect(JSON.parse(read("library.json"))).toMatchObject(same)
  expect(parse(read("idf_component.yml"))).toMatchObject(same)
  expect(/project\(fedmote VERSION (\S+)/.exec(read("CMakeLists.txt"))![1]).toBe(whole.version)
})
