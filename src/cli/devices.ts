/**
 * The devices that `guest-clock calendar` has for kernels itself: `--net` and `--disk`. They are a guest of the calendar's
 * own process, the first that is let in.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { CliError, Flag } from "effect/cli"
import type * as CalendarServer from "../calendar/CalendarServer.ts"
import * as BlockDevice from "../devices/BlockDevice.ts"
import * as Lan from "../devices/Lan.ts"
import type * as VirtioDevice from "../devices/VirtioDevice.ts"
import { GuestClock } from "../GuestClock.ts"
import * as Mode from "../Mode.ts"
import type { OptionError } from "../core/Fault.ts"
import * as CaptureFile from "../internal/devices/CaptureFile.ts"
import { Failed, WRONG } from "./exits.ts"
import * as Flags from "./flags.ts"
import { parseDuration, parseNumber } from "./times.ts"

/** A device as it was typed: a path and options, or why it can't be. */
export type Parsed<A> = { readonly value: A } | { readonly expected: string }

/** What an option of a device is read by; nothing, if it can't be. */
type Reader = (text: string) => unknown

const whole: Reader = (text) => /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
const share: Reader = (text) => {
  const number = parseNumber(text)
  return number !== undefined && number >= 0 && number <= 1 ? number : undefined
}
const duration: Reader = (text) => {
  const nanos = parseDuration(text)
  return nanos === undefined ? undefined : Duration.nanos(nanos)
}

/** The options of a network, what each is, and how it is read. */
const NET: { readonly [name: string]: readonly [what: string, read: Reader] } = {
  latency: ["a time, as 0.5ms", duration],
  bandwidth: ["bits a second", (text) => whole(text) || undefined],
  queue: ["a whole number of frames from 1 on", (text) => whole(text) || undefined],
  loss: ["a share from 0 to 1", share],
  duplication: ["a share from 0 to 1", share],
  reordering: ["a share from 0 to 1", share],
  seed: ["a whole number", whole],
}

/** The options of a disk. */
const DISK: typeof NET = {
  file: ["a file that there is", (text) => text === "" ? undefined : text],
  timing: ["none, or disk: seek, rotation and transfer", (text) => ["none", "disk"].includes(text) ? text : undefined],
  access: ["read-write or read-only", (text) => ["read-write", "read-only"].includes(text) ? text : undefined],
}

/** What the options are, for people. */
const described = (options: typeof NET): string =>
  Object.entries(options).map(([name, [what]]) => `${name} (${what})`).join(", ")

/** Reads `PATH,NAME=VALUE,…`. A path has no comma. */
const parse = (
  text: string,
  options: typeof NET,
): Parsed<{ readonly path: string; readonly [name: string]: unknown }> => {
  const [path = "", ...given] = text.split(",")
  if (path === "") return { expected: `it begins with a path, and may go on with ${described(options)}` }
  const found: { path: string; [name: string]: unknown } = { path }
  for (const each of given) {
    const [, name = "", value = ""] = /^([^=]*)=(.*)$/.exec(each) ?? []
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    if (option === undefined) {
      return { expected: `"${each}" is none of the options behind its path: ${described(options)}` }
    }
    const read = option[1](value)
    if (read === undefined) return { expected: `${name} is ${option[0]}` }
    found[name] = read
  }
  return { value: found }
}

/** A network, as `--net` has it. */
export const parseNet = (text: string): Parsed<Lan.Options> => parse(text, NET) as Parsed<Lan.Options>

/** A disk, as `--disk` has it. */
export const parseDisk = (text: string): Parsed<BlockDevice.Options> => {
  const parsed = parse(text, DISK)
  if ("expected" in parsed) return parsed
  const { path, file, timing = "none", access } = parsed.value
  if (file === undefined) return { expected: "it says which file: PATH,file=FILE" }
  return {
    value: {
      path,
      store: { file: file as string },
      readOnly: access === "read-only",
      ...timing === "disk" && { disk: {} },
    },
  }
}

/** What is to be made. */
export interface Devices {
  readonly nets: ReadonlyArray<Lan.Options>
  readonly disks: ReadonlyArray<BlockDevice.Options>
  /** Where the networks' frames go, and the time of day at time 0, in ns since 1970. */
  readonly captured?: { readonly frames: CaptureFile.CaptureFile; readonly start: bigint } | undefined
}

/** Writes down what passes at a network's ports, each of which is an interface. */
const capturing = (path: string, { frames, start }: NonNullable<Devices["captured"]>) => (passing: Lan.Passing) => {
  const { port, frame, at, direction, lost } = passing
  frames.capture({
    interface: `${path} port ${port}`,
    time: start + at,
    frame,
    direction,
    ...lost !== undefined && { comment: `lost: ${lost}` },
  })
}

/** Uses a file for captured frames, if one was given. */
export const captured = <A, E, R>(
  path: Option.Option<string>,
  use: (frames: CaptureFile.CaptureFile | undefined) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | OptionError, R> =>
  Option.isNone(path)
    ? use(undefined)
    : Flags.completing((onIncomplete) =>
      Effect.scopedWith((scope) =>
        Effect.flatMap(Scope.provide(CaptureFile.open(path.value, onIncomplete), scope), use)
      )
    )

/** What a device tells of, for people. */
export const told = (report: VirtioDevice.Report): string => {
  const { device } = report
  switch (report._tag) {
    case "Connected":
      return `${device}: connected, ${report.kernel}`
    case "Ready":
      return `${device}: its driver is at work`
    case "Refused":
      return `${device}: refused ${report.kernel}, there is no room`
    case "Left":
      return `${device}: its kernel has left`
    case "Broken":
      return report.fault.message
  }
}

/** The name of the devices' guest, for people. */
export const GUEST = "devices"

/** Devices that run, … */
export interface Hosting {
  /** … what they fail with: one that can't be made; … */
  readonly failed: Effect.Effect<never, Failed>
  /** … and how they leave the calendar. */
  readonly leave: Effect.Effect<void>
}

/** Has devices in a guest of the calendar's, until the scope closes. */
export const host = (
  server: CalendarServer.CalendarServer,
  { nets, disks, captured }: Devices,
  onReport: (report: VirtioDevice.Report) => void,
): Effect.Effect<Hosting, never, Scope.Scope> =>
  Effect.gen(function* () {
    const failed = yield* Deferred.make<never, Failed>()
    const fail = (cause: Cause.Cause<unknown>) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.void
      const error = Cause.squash(cause)
      const message = error instanceof Error ? error.message : String(error)
      return Effect.asVoid(Deferred.fail(failed, new Failed(`the calendar's devices: ${message}`, WRONG)))
    }
    const scope = yield* Scope.fork(yield* Effect.scope)
    const guest = Effect.gen(function* () {
      for (const options of nets) {
        yield* Lan.make({ ...options, onReport, ...captured && { onFrame: capturing(options.path, captured) } })
      }
      for (const options of disks) yield* BlockDevice.make({ ...options, onReport })
      const clock = yield* GuestClock
      while (true) yield* clock.sleep
    }).pipe(
      Effect.scoped,
      // Before the guest leaves the calendar, which may be the end of that.
      Effect.tapCause(fail),
      // By the lowest ID, and the first to start: it is let in before all others, and listens by then.
      Effect.provide(Mode.linked(server.link(GUEST), { id: 0n })),
      Effect.catchCause(fail),
    )
    yield* Effect.forkIn(guest, scope, { startImmediately: true })
    return { failed: Deferred.await(failed), leave: Scope.close(scope, Exit.void) }
  })

const flag = <A>(name: string, metavar: string, description: string, parse: (text: string) => Parsed<A>) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(description),
    Flag.mapEffect((value) => {
      const parsed = parse(value)
      return "value" in parsed
        ? Effect.succeed(parsed.value)
        : Effect.fail(new CliError.InvalidValue({ option: name, value, expected: parsed.expected, kind: "flag" }))
    }),
    Flag.atLeast(0),
  )

/** The flags of networks and disks. */
export const flags: {
  readonly net: Flag.Flag<ReadonlyArray<Lan.Options>>
  readonly disk: Flag.Flag<ReadonlyArray<BlockDevice.Options>>
  readonly pcap: Flag.Flag<Option.Option<string>>
} = {
  net: flag(
    "net",
    "PATH[,latency=TIME,…]",
    `Have a network for kernels with virtio_uml.device=PATH:1, once or several times; behind a comma each: ${
      described(NET)
    }`,
    parseNet,
  ),
  disk: flag(
    "disk",
    "PATH,file=FILE",
    `Have a disk for a kernel with virtio_uml.device=PATH:2, once or several times; behind a comma each: ${
      described(DISK)
    }`,
    parseDisk,
  ),
  pcap: Flag.String("pcap").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Write down all frames of --net, at simulated times, for Wireshark and tshark (pcapng)"),
    Flag.optional,
  ),
}
