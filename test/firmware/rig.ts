import { afterEach } from "vitest"
import { Puppet } from "./puppet.ts"
import type { Setup } from "./puppet.ts"
import { World } from "./world.ts"

/** Makes a device on its rig, in a world of its own. */
export type Begin = (setup?: Setup) => World

/** For the tests of a file: every device is one of `program()`, and is gone, without a fault, when its test is over. */
export function rig(program: () => string): Begin {
  const puppets: Puppet[] = []
  afterEach(async () => {
    for (const puppet of puppets.splice(0)) await puppet.end()
  })
  return (setup = {}) => {
    const puppet = new Puppet(program(), setup)
    puppets.push(puppet)
    return new World(puppet)
  }
}
