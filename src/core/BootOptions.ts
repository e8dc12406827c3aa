/**
 * The boot options that choose a guest's clock (SPEC 1):
 *
 * ```text
 * time-travel                  basic: jumps when idle
 * time-travel=inf-cpu          work costs no time
 * time-travel=ext:[ID:]PATH    the calendar at the socket PATH decides; ID tells guests apart
 * time-travel-start=N          the wall clock at guest time 0, ns since 1970
 * ```
 *
 * None of the first three: off, the host's own time.
 *
 * @module
 */
import { BadNumber, BootOptionError } from "./Fault.ts"
import * as Nanos from "./Nanos.ts"

/**
 * Which clock a guest has: its mode, and in external mode where its calendar is.
 *
 * @since 0.1.0
 * @category models
 */
export type TimeTravel =
  | { readonly mode: "off" }
  | { readonly mode: "basic" }
  | { readonly mode: "inf-cpu" }
  | { readonly mode: "external"; readonly path: string; readonly id: Nanos.Nanos }

/**
 * What the boot options say.
 *
 * @since 0.1.0
 * @category models
 */
export interface BootOptions {
  readonly timeTravel: TimeTravel
  /** The wall clock at guest time 0, in ns since 1970; absent, the host's wall clock at boot. */
  readonly start?: Nanos.Nanos
}

const TIME_TRAVEL = "time-travel"
const INF_CPU = `${TIME_TRAVEL}=inf-cpu`
const START = "time-travel-start"

/**
 * What may be given, for error messages and `--help`.
 *
 * @since 0.1.0
 * @category constants
 */
export const allowed: ReadonlyArray<string> = [
  TIME_TRAVEL,
  INF_CPU,
  `${TIME_TRAVEL}=ext:[ID:]PATH`,
  `${START}=N`,
]

/**
 * The longest path that a unix socket can have, in bytes (Linux; the 108th is a zero).
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_PATH_BYTES = 107

const byteLength = (text: string): number => new TextEncoder().encode(text).length

/**
 * Whether a word is meant for the clock: one that {@link parse} either
 * understands or refuses.
 *
 * @since 0.1.0
 * @category reading
 */
export const isBootOption = (word: string): boolean => [TIME_TRAVEL, START].includes(word.split("=", 1)[0] ?? "")

/**
 * Reads the clock's options among the words of a command line; the words that
 * are not its own are left alone. Where an option comes twice the later wins,
 * as on a kernel's command line.
 *
 * Returns a `BootOptionError` that quotes the option and lists what is allowed.
 *
 * @example
 * ```ts
 * import * as BootOptions from "guest-clock/core/BootOptions"
 *
 * console.log(BootOptions.parse(["quiet", "time-travel=ext:7:/run/calendar.sock"]))
 * // { timeTravel: { mode: "external", path: "/run/calendar.sock", id: 7n } }
 * console.log(String(BootOptions.parse(["time-travel=fast"])))
 * // BootOptionError: "time-travel=fast": there is no such mode; allowed: …
 * ```
 *
 * @since 0.1.0
 * @category codecs
 */
export const parse = (words: ReadonlyArray<string>): BootOptions | BootOptionError => {
  let options: BootOptions = { timeTravel: { mode: "off" } }
  for (const word of words.filter(isBootOption)) {
    const next = word.startsWith(START) ? parseStart(options, word) : parseTimeTravel(options, word)
    if (next instanceof BootOptionError) return next
    options = next
  }
  return options
}

const refuse = (word: string, why: string): BootOptionError => new BootOptionError(word, allowed, why)

const parseStart = (options: BootOptions, word: string): BootOptions | BootOptionError => {
  const text = word.slice(START.length + 1)
  const start = Nanos.parse(text)
  return start instanceof BadNumber
    ? refuse(word, `${start.message}, in nanoseconds since 1970`)
    : { ...options, start }
}

const parseTimeTravel = (options: BootOptions, word: string): BootOptions | BootOptionError => {
  if (word === TIME_TRAVEL) return { ...options, timeTravel: { mode: "basic" } }
  if (word === INF_CPU) return { ...options, timeTravel: { mode: "inf-cpu" } }
  const value = word.slice(TIME_TRAVEL.length + 1)
  if (!value.startsWith("ext:")) return refuse(word, "there is no such mode")
  const timeTravel = parseExternal(word, value.slice("ext:".length))
  return timeTravel instanceof BootOptionError ? timeTravel : { ...options, timeTravel }
}

/**
 * `[ID:]PATH`. What stands before the first colon is the ID, unless it begins
 * with a slash, which no number does: so `/run/a:b` is a path with a colon.
 */
const parseExternal = (word: string, value: string): TimeTravel | BootOptionError => {
  const colon = value.startsWith("/") ? -1 : value.indexOf(":")
  const path = value.slice(colon + 1)
  const id = colon < 0 ? Nanos.NONE : Nanos.parse(value.slice(0, colon))
  if (id instanceof BadNumber) return refuse(word, `the ID ${id.message}`)
  const fault = pathFault(path)
  return fault === undefined ? { mode: "external", path, id } : refuse(word, fault)
}

/**
 * Why `path` can't be the path of a unix socket, or `undefined` if it can.
 *
 * @since 0.1.0
 * @category codecs
 */
export const pathFault = (path: string): string | undefined => {
  if (path === "") return "the path of the calendar's socket is missing"
  if (path.includes("\0")) return "the path of a socket can't have a zero byte in it"
  const bytes = byteLength(path)
  return bytes > MAX_PATH_BYTES
    ? `the path is ${bytes} bytes long, and a socket's has at most ${MAX_PATH_BYTES}`
    : undefined
}

/** What chooses a mode that has no parameters. */
const WORDS: { readonly [M in Exclude<TimeTravel, { path: string }>["mode"]]: ReadonlyArray<string> } = {
  off: [],
  basic: [TIME_TRAVEL],
  "inf-cpu": [INF_CPU],
}

/**
 * The options as a command line gives them: {@link parse} reads back the same.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (options: BootOptions): ReadonlyArray<string> => {
  const words: Array<string> = []
  const { timeTravel } = options
  if ("path" in timeTravel) {
    // An ID of its own keeps a path apart that has a colon and no leading slash.
    const id = timeTravel.id === Nanos.NONE && timeTravel.path.startsWith("/") ? "" : `${timeTravel.id}:`
    words.push(`${TIME_TRAVEL}=ext:${id}${timeTravel.path}`)
  } else words.push(...WORDS[timeTravel.mode])
  if (options.start !== undefined) words.push(`${START}=${options.start}`)
  return words
}
