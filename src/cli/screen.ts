import { MultiBar } from "cli-progress"

/** Standard error, shared by log lines and a progress bar: lines appear above the bar. */
export interface Screen {
  /** A person looks at it: there may be progress bars and colours. */
  readonly interactive: boolean
  readonly color: boolean
  readonly columns: number
  /** Whole lines, with their line ends. */
  write(text: string): void
  /** A progress bar; without a person to see it, nothing. One at a time. */
  progress(title: string, total: number): Progress
}

export interface Progress {
  /** `value` of the total is done; `note` is shown beside the bar. */
  update(value: number, note?: string): void
  /** Takes the bar away. Any number of times. */
  end(): void
}

export interface ScreenStream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** Colours follow NO_COLOR (no-color.org) and TERM=dumb. */
export function createScreen(
  stream: ScreenStream = process.stderr,
  environment: { readonly [name: string]: string | undefined } = process.env,
): Screen {
  const interactive = stream.isTTY === true && environment["TERM"] !== "dumb"
  let bars: MultiBar | undefined
  return {
    interactive,
    color: interactive && (environment["NO_COLOR"] ?? "") === "",
    get columns() {
      return stream.columns ?? 80
    },
    write(text) {
      if (bars === undefined) {
        stream.write(text)
        return
      }
      bars.log(text)
      bars.update()
    },
    progress(title, total) {
      if (!interactive) return { update: () => {}, end: () => {} }
      bars?.stop()
      const made = new MultiBar({ ...BAR, stream: stream as NodeJS.WritableStream })
      const bar = made.create(total, 0, { title, note: "" })
      bars = made
      return {
        update(value, note) {
          bar.update(value, note === undefined ? {} : { note })
        },
        end() {
          if (bars !== made) return
          bars = undefined
          made.stop()
        },
      }
    },
  }
}

// A process that is killed leaves the terminal as it is: the cursor stays visible and lines wrap.
const BAR = {
  format: "{title} {bar} {value}/{total} {note}",
  barsize: 24,
  barCompleteChar: "█",
  barIncompleteChar: "░",
  clearOnComplete: true,
  gracefulExit: false,
  hideCursor: false,
  linewrap: true,
  // Drawn again below every line that was written above it.
  forceRedraw: true,
  emptyOnZero: true,
}
