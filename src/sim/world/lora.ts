/** How long a LoRa frame is in the air (Semtech AN1200.13, "LoRa Modem Designer's Guide", section 4; SX1276 data sheet, section 4.1.1.7). */

export interface LoraSettings {
  /** 7 to 12. */
  readonly spreadingFactor: number
  readonly bandwidthHz: number
  /** 1 to 4: coding rate 4/5 to 4/8. */
  readonly codingRate: number
  readonly preambleSymbols: number
}

/** LoRaWAN in Europe at its fastest: DR5. */
export const DR5: LoraSettings = { spreadingFactor: 7, bandwidthHz: 125_000, codingRate: 1, preambleSymbols: 8 }

/** MHDR, FHDR without options, FPort and MIC (LoRaWAN 1.0.3, section 4). */
const FRAME_BYTES = 13
/** Application bytes in a frame at DR5 (LoRaWAN 1.0.3 regional parameters, EU863-870, with repeater support). */
export const MOST_LORA_BYTES = 222

/** Seconds in the air of a frame with `bytes` bytes of physical payload, explicit header and CRC. */
export function timeOnAir(bytes: number, settings: LoraSettings = DR5): number {
  const { spreadingFactor, bandwidthHz, codingRate, preambleSymbols } = settings
  const symbol = 2 ** spreadingFactor / bandwidthHz
  // Low data rate optimisation, from 16 ms a symbol on.
  const low = symbol > 0.016 ? 1 : 0
  const bits = 8 * bytes - 4 * spreadingFactor + 28 + 16
  const symbols = 8 + Math.max(0, Math.ceil(bits / (4 * (spreadingFactor - 2 * low))) * (codingRate + 4))
  return (preambleSymbols + 4.25 + symbols) * symbol
}

/** Seconds in the air of a message that is cut into frames. */
export function messageOnAir(
  bytes: number,
  settings: LoraSettings = DR5,
): { readonly frames: number; readonly seconds: number } {
  const full = Math.floor(bytes / MOST_LORA_BYTES)
  const rest = bytes - full * MOST_LORA_BYTES
  const seconds =
    full * timeOnAir(MOST_LORA_BYTES + FRAME_BYTES, settings) + (rest > 0 ? timeOnAir(rest + FRAME_BYTES, settings) : 0)
  return { frames: full + (rest > 0 ? 1 : 0), seconds }
}
