import type { LabelCounts } from "../core/result.ts"
import { html } from "./html.ts"
import type { Html } from "./html.ts"

const WIDTH = 1000
const LEFT = 86
const BOTTOM = 20

/** Classes drawn at most; what more there are is left out of the picture. */
const MOST_CLASSES = 32

/**
 * Where which classes are: a column for each client, a row for each class, and a dot whose area is the number of samples. For regression, a bar for each client's
 * samples. `classes`: names in label order; numbers stand for those that are missing.
 */
export function labelPicture({ clients }: LabelCounts, classes: readonly string[] = []): Html {
  const rows = Math.min(clients[0]?.samples.length ?? 0, MOST_CLASSES)
  const column = (WIDTH - LEFT) / Math.max(clients.length, 1)
  return rows <= 1 ? sizePicture(clients, column) : dotPicture(clients, column, rows, classes)
}

type Clients = LabelCounts["clients"]

function dotPicture(clients: Clients, column: number, rows: number, classes: readonly string[]): Html {
  const row = Math.min(24, Math.max(15, column))
  const largest = Math.max(...clients.flatMap(({ samples }) => samples), 1)
  const radius = 0.5 * Math.min(column, row)
  const dot = (count: number, c: number, k: number): Html[] =>
    count === 0
      ? []
      : [
          html`<circle
            cx="${(LEFT + (c + 0.5) * column).toFixed(1)}"
            cy="${((k + 0.5) * row).toFixed(1)}"
            r="${Math.max(0.6, radius * Math.sqrt(count / largest)).toFixed(2)}"
          />`,
        ]
  const name = (k: number): string => classes[k] ?? String(k)
  return frame(
    rows * row,
    clients.length,
    html`${Array.from(
      { length: rows },
      (_, k) =>
        html`<line
            class="grid"
            x1="${LEFT}"
            x2="${WIDTH}"
            y1="${((k + 0.5) * row).toFixed(1)}"
            y2="${((k + 0.5) * row).toFixed(1)}"
          />
          <text x="${LEFT - 8}" y="${((k + 0.5) * row + 4).toFixed(1)}" text-anchor="end">${brief(name(k))}</text>`,
    )}
    ${clients.map(
      ({ device, samples }, c) =>
        html`<g>
          <title>
            ${device}:
            ${samples
              .slice(0, rows)
              .map((count, k) => `${name(k)} ${count}`)
              .join(", ")}
          </title>
          ${samples.slice(0, rows).flatMap((count, k) => dot(count, c, k))}
        </g>`,
    )}`,
  )
}

function sizePicture(clients: Clients, column: number): Html {
  const height = 120
  const sizes = clients.map(({ samples }) => samples.reduce((sum, count) => sum + count, 0))
  const largest = Math.max(...sizes, 1)
  return frame(
    height,
    clients.length,
    html`<text x="${LEFT - 8}" y="12" text-anchor="end">${largest}</text>
      <text x="${LEFT - 8}" y="${height}" text-anchor="end">0</text>
      ${clients.map(({ device }, c) => {
        const tall = (sizes[c]! / largest) * height
        return html`<rect
          x="${(LEFT + c * column + column * 0.1).toFixed(1)}"
          y="${(height - tall).toFixed(1)}"
          width="${(column * 0.8).toFixed(1)}"
          height="${tall.toFixed(1)}"
          ><title>${device}: ${sizes[c]!} samples</title></rect
        >`
      })}`,
  )
}

function frame(height: number, clients: number, inside: Html): Html {
  return html`<svg
    class="figure labels"
    viewBox="0 0 ${WIDTH} ${(height + BOTTOM).toFixed(0)}"
    role="img"
    aria-label="Samples of clients"
  >
    ${inside}
    <text x="${LEFT}" y="${(height + BOTTOM - 5).toFixed(1)}">
      ${clients === 1 ? "1 client" : `${clients} clients`}
    </text>
  </svg>`
}

function brief(name: string): string {
  return name.length > 12 ? `${name.slice(0, 11)}…` : name
}
