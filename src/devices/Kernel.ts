/**
 * A User-Mode Linux kernel as a guest of a world: booted, watched and ended by it, with network cards on the world's
 * networks. Made by `Guest.kernel`.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Path from "node:path"
import { Tagged } from "../internal/core/Tagged.ts"
import { OptionError } from "../core/Fault.ts"
import * as Modes from "../core/Modes.ts"
import { event, GuestClock } from "../GuestClock.ts"
import { lastLines, withoutLevel } from "../internal/devices/ConsoleText.ts"
import * as Connection from "../internal/simulation/Connection.ts"
import { type Card, cardOf, type Options } from "../internal/simulation/KernelOptions.ts"
import { CurrentKernelHost, type KernelHost } from "../internal/simulation/KernelHost.ts"
import * as HostProcess from "../internal/platform/HostProcess.ts"
import type { NativeUnavailable } from "../internal/platform/native/Libc.ts"
import type { ListenError } from "../internal/platform/SocketFile.ts"
import { context as realTime } from "../internal/platform/RealTime.ts"
import { toEffect } from "../internal/services/Waiting.ts"
import { Mailbox } from "../internal/simulation/Mailbox.ts"
import { Self } from "../internal/simulation/Self.ts"
import { takingNoTime } from "../VirtualTime.ts"
import * as BlockDevice from "./BlockDevice.ts"
import * as ConsoleDevice from "./ConsoleDevice.ts"
import * as EntropyDevice from "./EntropyDevice.ts"
import * as NetworkDevice from "./NetworkDevice.ts"

export type { Card, Console, Disk, Options } from "../internal/simulation/KernelOptions.ts"

/**
 * A kernel has ended before it powered off: it panicked, or was killed, or could not be started.
 *
 * @since 0.2.0
 * @category errors
 */
export class KernelDied extends Tagged<"KernelDied"> {
  /** The guest's name. */
  readonly guest: string
  readonly how: HostProcess.End
  /** All that it printed, or the last 64 KiB or so of that. */
  readonly printed: string
  constructor(guest: string, how: HostProcess.End, printed: string) {
    super("KernelDied", `the kernel ${said(how)}. ${lastLines(printed)}`)
    this.guest = guest
    this.how = how
    this.printed = printed
  }
}

const said = (end: HostProcess.End): string => {
  switch (end._tag) {
    case "Exited":
      return `exited with ${end.code} before it powered off`
    case "Killed":
      return `was ended by ${end.signal} before it powered off`
    case "NotStarted":
      return `can't be started: ${end.why}`
  }
}

const POWERED_OFF = /^reboot: (?:System halted|Power down)/m

/** How many characters of what it printed are kept. */
const KEPT = 65_536

/** What a kernel prints: its last lines, and who is told of them. */
class Printed {
  text = ""
  hasPoweredOff = false
  #line = ""
  readonly #told: ((line: string) => void) | undefined

  constructor(told: ((line: string) => void) | undefined) {
    this.#told = told
  }

  add(text: string): void {
    const clean = text.replaceAll("\r", "")
    this.text = (this.text + clean).slice(-KEPT)
    const lines = (this.#line + clean).split("\n")
    this.#line = lines.pop()!
    for (const line of lines) this.#tell(line)
  }

  end(): void {
    if (this.#line !== "") this.#tell(this.#line)
    this.#line = ""
  }

  #tell(line: string): void {
    const plain = withoutLevel(line)
    if (POWERED_OFF.test(plain)) this.hasPoweredOff = true
    this.#told?.(plain)
  }
}

/** Where the cards of a kernel are in the guest's world: what comes and goes is at its exact time. */
const plugIn = (guest: string, folder: string, index: number, { to, ...options }: Card) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock
    const port = yield* Connection.open(to)
    const name = `${guest} eth${index}`
    const card = yield* NetworkDevice.make({ ...options, name, path: `${folder}/eth${index}` })
    card.onFrame((frame, at) =>
      clock.sync.addEvent(event(`${name} sends`, () => Effect.orDie(port.send(frame)) as Effect.Effect<void>), at)
    )
    const { statistics } = yield* Self
    const dropped = statistics.counterUnsafe(`eth${index} dropped`)
    yield* port.onArrival(({ message }) => {
      if (card.receive(message) === "dropped") dropped.add()
    })
    return card.option
  })

/** What else is attached to a kernel: disks, consoles, and a source of entropy. */
const attach = (guest: string, folder: string, { disks = [], consoles = [], entropy = false }: Options) =>
  Effect.gen(function* () {
    const { random } = yield* Self
    const at = (kind: string) => ({ path: `${folder}/${kind}`, name: `${guest} ${kind}` })
    const seed = (kind: string) => random.fork(kind).bits()
    const made: Array<{ readonly option: string }> = []
    for (const [index, disk] of disks.entries()) {
      const kind = `disk${index}`
      made.push(yield* BlockDevice.make({ seed: seed(kind), ...disk, ...at(kind) }))
    }
    for (const [index, console] of consoles.entries()) {
      made.push(yield* ConsoleDevice.make({ ...console, ...at(`console${index}`) }))
    }
    if (entropy !== false) {
      const given = entropy === true ? seed("entropy") : entropy
      made.push(yield* EntropyDevice.make({ seed: given, ...at("entropy") }))
    }
    return made.map(({ option }) => option)
  })

/** The words that say what the machine is. */
const wordsOf = (options: Options, { idOf }: KernelHost, guest: string): Array<string> => [
  `mem=${options.memory ?? "64M"}`,
  ...options.initrd === undefined ? [] : [`initrd=${Path.resolve(options.initrd)}`],
  "uml_dir=./",
  "con=null",
  "con0=null,fd:1",
  `time-travel=ext:${idOf(guest)}:./calendar`,
]

/** A kernel's process, and when it has left the calendar. */
interface Booted {
  readonly child: HostProcess.HostProcess
  /** Ends, in simulated time, when it has. */
  readonly left: Effect.Effect<void>
}

/**
 * Starts the kernel's process, and waits until the calendar has heard of it. As the guest keeps the turn meanwhile, the
 * kernel is let in at this very time, however long it took.
 */
const boot = (
  guest: string,
  options: Options,
  { folder, words, host }: {
    readonly folder: string
    readonly words: ReadonlyArray<string>
    readonly host: KernelHost
  },
  printed: Printed,
) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock
    const started = Deferred.makeUnsafe<boolean>()
    const left = new Mailbox<void>()
    const departure = event(`${guest} leaves`, () => left.put())
    host.watch(host.idOf(guest), {
      onStart: () => Deferred.doneUnsafe(started, Effect.succeed(true)),
      // An interrupt from outside, at the time at which the calendar is then.
      onLeft: () => {
        const { sync } = clock
        const rest = sync.isInterruptible() ? sync.irqEvent(departure, 0n) : clock.irqEvent(departure)
        if (rest !== undefined) Effect.runForkWith(realTime)(Effect.ignore(toEffect(rest)))
      },
    })
    const { kernel, environment } = options
    const { random } = yield* Self
    const child = yield* HostProcess.start({
      // With addresses that are drawn anew each time, a kernel's simulated times would be others.
      command: "setarch",
      args: ["-R", Path.resolve(kernel), ...words],
      folder,
      // Read by a library that may be preloaded: interop/uml/random.c.
      environment: { GUEST_CLOCK_SEED: String(random.fork("kernel").bits()), ...environment },
      onText: (text) => printed.add(text),
      onEnd: () => Deferred.doneUnsafe(started, Effect.succeed(false)),
    })
    const hasStarted = yield* takingNoTime(Deferred.await(started))
    return { child, left: hasStarted ? left.take : Effect.void } satisfies Booted
  })

const NOT_HERE = "kernels run in the process of their world's calendar: without Processes.layer, and not in real time"

/**
 * What a kernel's guest does: makes its devices, boots it, and ends when it has powered off.
 *
 * @internal
 */
export const program = (options: Options): Effect.Effect<void, Failure, Self | GuestClock> =>
  Effect.acquireUseRelease(
    Scope.make(),
    (scope) => Scope.provide(run(options), scope),
    // That sockets are closed and processes ended takes real time, and no other.
    (scope, exit) => takingNoTime(Scope.close(scope, exit)),
  )

/** What a kernel's guest can fail with. */
type Failure = OptionError | KernelDied | ListenError | NativeUnavailable

const run = (options: Options): Effect.Effect<void, Failure, Self | GuestClock | Scope.Scope> =>
  Effect.gen(function* () {
    const { name } = yield* Self
    const { mode } = yield* GuestClock
    const host = yield* CurrentKernelHost
    if (host === undefined || !Modes.traits[mode].hasCalendar) {
      return yield* Effect.fail(new OptionError("the place of the kernel", name, NOT_HERE))
    }
    const unusable = HostProcess.unusable(options.kernel)
    if (unusable !== undefined) {
      return yield* Effect.fail(new KernelDied(name, { _tag: "NotStarted", why: unusable }, ""))
    }
    const folder = yield* HostProcess.folder("guest-clock-kernel-", { calendar: host.socket })
    const { networks = [], commandLine = [] } = options
    const cards = yield* Effect.forEach(networks, (card, index) => plugIn(name, folder, index, cardOf(card)))
    const others = yield* attach(name, folder, options)
    const printed = new Printed(options.console)
    // What a kernel draws by chance follows from its command line, too: it says nothing of the folder's name.
    const devices = [...cards, ...others].map((word) => word.replaceAll(`${folder}/`, "./"))
    const words = [...wordsOf(options, host, name), ...devices, ...commandLine]
    if (options.after !== undefined) yield* Effect.sleep(options.after)
    const { child, left } = yield* boot(name, options, { folder, words, host }, printed)
    yield* left
    const end = yield* takingNoTime(child.ended)
    printed.end()
    if (end._tag === "Exited" && end.code === 0 && printed.hasPoweredOff) return
    return yield* Effect.fail(new KernelDied(name, end, printed.text))
  })
