import { messageOnAir } from "./lora.ts"

/** Radio links, each with what a message takes over it. WORLD.md has where the figures are from. */

export const LINKS = ["wifi", "ble", "nb-iot", "lora"] as const
export type LinkName = (typeof LINKS)[number]

export interface Link {
  /** From the first word to an answer, whatever the size. */
  readonly latencySeconds: number
  /** Power of the radio while it sends, and while it receives. */
  readonly sendWatts: number
  readonly receiveWatts: number
  /** How long a message is on the radio, and how long until it is through: more where the air must be left to others in between. */
  send(bytes: number): Transfer
  receive(bytes: number): Transfer
}

export interface Transfer {
  readonly radioSeconds: number
  readonly seconds: number
}

/** Headers of TCP/IP and TLS (or what takes their place) on top of the MQTT packets. */
const OVERHEAD = 1.05

function steady(bitsPerSecond: number): (bytes: number) => Transfer {
  return (bytes) => {
    const seconds = (bytes * OVERHEAD * 8) / bitsPerSecond
    return { radioSeconds: seconds, seconds }
  }
}

/** Of each time unit on the air so much is allowed: after a frame the sender is silent for 1 / duty - 1 times as long. */
function dutyCycled(duty: number): (bytes: number) => Transfer {
  return (bytes) => {
    const { frames, seconds: radioSeconds } = messageOnAir(bytes)
    const last = frames === 0 ? 0 : radioSeconds / frames
    return { radioSeconds, seconds: (radioSeconds - last) / duty + last }
  }
}

export const LINK: { readonly [name in LinkName]: Link } = {
  wifi: {
    latencySeconds: 0.02,
    sendWatts: 0.594,
    receiveWatts: 0.33,
    send: steady(10e6),
    receive: steady(10e6),
  },
  ble: {
    latencySeconds: 0.05,
    sendWatts: 0.0144,
    receiveWatts: 0.0138,
    send: steady(400e3),
    receive: steady(400e3),
  },
  "nb-iot": {
    latencySeconds: 1.6,
    sendWatts: 0.792,
    receiveWatts: 0.216,
    send: steady(25e3),
    receive: steady(25e3),
  },
  lora: {
    latencySeconds: 1,
    sendWatts: 0.125,
    receiveWatts: 0.038,
    send: dutyCycled(0.01),
    receive: dutyCycled(0.1),
  },
}
