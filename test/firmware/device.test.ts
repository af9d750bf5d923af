import { afterAll, beforeAll, describe } from "vitest"
import type { Build } from "./build.ts"
import { build } from "./build.ts"
import { deviceSuite } from "./device-suite.ts"
import { goldenSuite } from "./golden-suite.ts"
import { hostileSuite } from "./hostile-suite.ts"
import { rig } from "./rig.ts"

let built: Build
beforeAll(() => {
  built = build("clang", ["puppet"], true)
}, 120_000)
afterAll(() => built?.remove())

const begin = rig(() => built.path("puppet"))

describe("a device in C", () => deviceSuite(begin))
describe("a device in C, and brokers that freeze, lie and mean harm", () => hostileSuite(begin))
describe("a device in C, and the golden federations", () => goldenSuite(begin))
