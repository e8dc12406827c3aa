/**
 * What native calls must do on each runtime, one case a name: run by `main.ts`, as the tests' own runtime has none of
 * them. A case returns what its test compares.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { Worker } from "node:worker_threads"
import * as SharedMemory from "../../../src/core/SharedMemory.ts"
import { Descriptor } from "../../../src/internal/platform/native/Descriptor.ts"
import * as Libc from "../../../src/internal/platform/native/Libc.ts"
import * as Peer from "../../../src/internal/platform/native/Peer.ts"
import * as Pidfd from "../../../src/internal/platform/native/Pidfd.ts"
import * as SharedFile from "../../../src/internal/platform/native/SharedFile.ts"
import type { SyscallError } from "../../../src/internal/platform/native/SyscallError.ts"
import * as UnixSocket from "../../../src/internal/platform/native/UnixSocket.ts"
import { running } from "../../../src/internal/platform/Runtime.ts"

type Case = Effect.Effect<unknown, unknown, Libc.Libc | Scope.Scope>

const PAGE = 4096
const MAPPED = "guest-clock-test"

const bytes = (...numbers: ReadonlyArray<number>) => new Uint8Array(numbers)

/** How many descriptors this process has, and how many of the mappings that are made here. */
const held = () => ({
  descriptors: Fs.readdirSync("/proc/self/fd").length,
  mappings: Fs.readFileSync("/proc/self/maps", "utf8").split("\n").filter((line) => line.includes(MAPPED)).length,
})

/** How often it is looked whether more is held afterwards. */
const LOOKS = 3

/**
 * What comes to be held each time: the runtimes open some descriptors for themselves, once, at a time of their own
 * (Deno some 0.3 s after it has started). What leaks does so each time.
 */
const growth = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let least = { descriptors: Infinity, mappings: Infinity }
    let result: A | undefined
    for (let look = 0; look < LOOKS && least.descriptors + least.mappings > 0; look++) {
      const before = held()
      result = yield* effect
      const after = held()
      least = {
        descriptors: Math.min(least.descriptors, after.descriptors - before.descriptors),
        mappings: Math.min(least.mappings, after.mappings - before.mappings),
      }
    }
    return { result, ...least }
  })

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-native-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true })),
)

/** What an effect fails with, in the words that are of concern. */
const failure = <A, R>(effect: Effect.Effect<A, SyscallError | SharedFile.SharedFileError, R>) =>
  Effect.match(effect, {
    onFailure: (error) => error._tag === "SyscallError" ? [error._tag, error.syscall, error.code] : [error._tag],
    onSuccess: () => "nothing",
  })

/** Asks again until it isn't `EAGAIN`: what is asked for is on its way. */
const patiently = <A, R>(effect: Effect.Effect<A, SyscallError, R>): Effect.Effect<A, SyscallError, R> =>
  Effect.retry(effect, { while: ({ code }) => code === "EAGAIN" && Effect.as(Effect.sleep(1), true), times: 20_000 })

/** Starts this program's other half in a process of its own, with a socket at `path` to connect to. */
const child = (name: string, path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const [command, ...args] = running(new URL("child.ts", import.meta.url).href)
      return ChildProcess.spawn(command, [...args, name, path], { stdio: ["ignore", "inherit", "inherit"] })
    }),
    (process) => Effect.sync(() => process.kill("SIGKILL")),
  )

const connectionTo = (server: Net.Server) =>
  Effect.callback<Net.Socket>((resume) => {
    server.once("connection", (socket) => resume(Effect.succeed(socket)))
  })

const dataOf = (socket: Net.Socket) =>
  Effect.callback<string>((resume) => {
    socket.once("data", (data) => resume(Effect.succeed(String(data))))
  })

const listening = (path: string) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer()
      server.listen(path, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void))),
  )

const errors: Case = Effect.gen(function* () {
  const path = yield* folder
  const listener = yield* UnixSocket.listen(Path.join(path, "a"), 4)
  const closed = yield* Effect.scoped(UnixSocket.listen(Path.join(path, "b"), 4))
  const [one] = yield* UnixSocket.pair
  const libc = yield* Libc.Libc
  libc.scratch.bytes.fill(0, 0, 1)
  const file = new Descriptor(libc, libc.functions.memfd_create(libc.scratch.at(0), 1))
  libc.functions.ftruncate(file.fd, BigInt(PAGE))
  const sizes = { least: PAGE, most: 2 * PAGE }
  const sized = (size: number) =>
    Effect.flatMap(SharedFile.create(MAPPED, size), ({ descriptor }) => SharedFile.attach(descriptor, sizes))
  const found = {
    nowhere: yield* failure(UnixSocket.connect(Path.join(path, "nowhere"))),
    inUse: yield* failure(UnixSocket.listen(Path.join(path, "a"), 4)),
    nobodyThere: yield* failure(UnixSocket.connect(Path.join(path, "b"))),
    tooLong: yield* failure(UnixSocket.connect(`/${"x".repeat(107)}`)),
    tooLongInUtf8: yield* failure(UnixSocket.connect(`/${"ü".repeat(54)}`)),
    longest: yield* failure(UnixSocket.connect(`/${"x".repeat(106)}`)),
    empty: yield* failure(UnixSocket.connect("")),
    notAFile: yield* failure(UnixSocket.connect("\0abstract")),
    nobodyWaits: yield* failure(UnixSocket.accept(listener)),
    closed: yield* failure(UnixSocket.accept(closed)),
    nothingArrived: yield* failure(UnixSocket.receive(one.fd, 16)),
    noSuchProcess: yield* failure(Pidfd.open(0x7fff_fffe)),
    noProcess: yield* failure(Pidfd.open(-1)),
    noMemory: yield* failure(SharedFile.create(MAPPED, -1)),
    emptyMemory: yield* failure(SharedFile.create(MAPPED, 0)),
    longestName: yield* failure(SharedFile.create("x".repeat(249), PAGE)),
    nameTooLong: yield* failure(SharedFile.create("x".repeat(250), PAGE)),
    notASocket: yield* failure(UnixSocket.send(file.fd, bytes(1))),
    noBytes: yield* failure(UnixSocket.send(one.fd, bytes(), [one.fd])),
    tooManyBytes: yield* failure(UnixSocket.send(one.fd, new Uint8Array(UnixSocket.MAX_BYTES + 1))),
    tooManyDescriptors: yield* failure(
      UnixSocket.send(one.fd, bytes(1), new Array<number>(UnixSocket.MAX_DESCRIPTORS + 1).fill(one.fd)),
    ),
    badDescriptor: yield* failure(UnixSocket.send(one.fd, bytes(1), [closed.fd])),
    notSealed: yield* failure(SharedFile.attach(file, sizes)),
    notAFileToMap: yield* failure(SharedFile.attach(one, sizes)),
    tooShort: yield* failure(sized(PAGE - 1)),
    shortest: yield* failure(sized(PAGE)),
    longestMemory: yield* failure(sized(2 * PAGE)),
    tooLongMemory: yield* failure(sized(2 * PAGE + 1)),
  }
  file.close()
  return found
})

const message: Case = Effect.map(Effect.flip(UnixSocket.connect("/nowhere/at all")), String)

const memory: Case = Effect.gen(function* () {
  const { descriptor, buffer } = yield* SharedFile.create(MAPPED, 2 * PAGE)
  const other = yield* SharedFile.attach(descriptor, { least: 1, most: 1 << 20 })
  const [here, there] = [new BigUint64Array(buffer), new BigUint64Array(other.buffer)]
  const isZero = here.every((word) => word === 0n)
  Atomics.store(here, 7, 0xfedc_ba98_7654_3210n)
  there[1023] = 1n
  const shorten = yield* failure(
    Libc.call("ftruncate", "", (functions) => functions.ftruncate(descriptor.fd, BigInt(PAGE))),
  )
  const lengthen = yield* failure(
    Libc.call("ftruncate", "", (functions) => functions.ftruncate(descriptor.fd, BigInt(3 * PAGE))),
  )
  return {
    lengths: [buffer.byteLength, other.buffer.byteLength],
    isZero,
    seen: [String(Atomics.load(there, 7)), String(here[1023])],
    shorten,
    lengthen,
  }
})

/** What is read of memory after its scope has closed. */
const afterwards: Case = Effect.gen(function* () {
  const { buffer, descriptor } = yield* Effect.scoped(SharedFile.create(MAPPED, PAGE))
  const libc = yield* Effect.scoped(Effect.flatMap(Libc.Libc, () => Libc.open))
  const views = yield* Effect.scoped(
    Effect.map(SharedFile.create(MAPPED, PAGE), ({ buffer }) => new BigUint64Array(buffer)),
  )
  const fault = (run: () => unknown) => {
    try {
      return run()
    } catch (error) {
      return (error as Error).name
    }
  }
  return {
    length: buffer.byteLength,
    descriptor: descriptor.fd,
    read: fault(() => views[3] ?? "nothing"),
    atomically: fault(() => Atomics.load(views, 3)),
    libc: fault(() => libc.functions.getpid()),
  }
})

const descriptors: Case = Effect.gen(function* () {
  const [one, two] = yield* UnixSocket.pair
  const { descriptor, buffer } = yield* SharedFile.create(MAPPED, PAGE)
  const sent = yield* UnixSocket.send(one.fd, bytes(1, 2, 3), [descriptor.fd, 2, descriptor.fd])
  yield* UnixSocket.send(one.fd, bytes(4))
  const first = yield* UnixSocket.receive(two.fd, 2)
  const rest = yield* UnixSocket.receive(two.fd, 16)
  const memory = yield* SharedFile.attach(first.descriptors[2]!, { least: PAGE, most: PAGE })
  new Uint8Array(buffer)[9] = 42
  const many = new Array<number>(UnixSocket.MAX_DESCRIPTORS).fill(descriptor.fd)
  yield* UnixSocket.send(two.fd, bytes(5), many)
  const most = yield* Effect.scoped(UnixSocket.receive(one.fd, 16))
  one.close()
  const end = yield* UnixSocket.receive(two.fd, 16)
  return {
    sent,
    first: [...first.bytes],
    descriptors: first.descriptors.length,
    rest: [[...rest.bytes], rest.descriptors.length],
    seen: new Uint8Array(memory.buffer)[9],
    most: most.descriptors.length,
    end: end.bytes.length,
    broken: yield* failure(UnixSocket.send(two.fd, bytes(1))),
  }
})

/** getrlimit(2) and setrlimit(2), of RLIMIT_NOFILE. */
const [GET_LIMIT, SET_LIMIT] = process.arch === "x64" ? [97n, 160n] : [163n, 164n]

/** A process may have so many descriptors and no more: what it can't take must not stay open half. */
const tooMany: Case = growth(
  Effect.gen(function* () {
    const { scratch, functions } = yield* Libc.Libc
    const [one, two] = yield* UnixSocket.pair
    const files = new Array<number>(UnixSocket.MAX_DESCRIPTORS).fill(2)
    yield* UnixSocket.send(one.fd, bytes(1), files)
    functions.syscall(GET_LIMIT, 7n, scratch.at(0))
    const before = scratch.view.getBigUint64(0, true)
    const most = scratch.view.getBigUint64(8, true)
    const limit = (soft: bigint) =>
      Effect.sync(() => {
        scratch.view.setBigUint64(0, soft, true)
        scratch.view.setBigUint64(8, most, true)
        return functions.syscall(SET_LIMIT, 7n, scratch.at(0))
      })
    // Room for some of them: numbers that are free below the limit.
    const used = new Set(Fs.readdirSync("/proc/self/fd").map(Number))
    let end = 0
    for (let free = 0; free < 8; end++) if (!used.has(end)) free++
    const set = yield* limit(BigInt(end))
    const result = yield* failure(UnixSocket.receive(two.fd, 16))
    return { result, set, restored: yield* limit(before) }
  }).pipe(Effect.scoped),
)

const once: Case = Effect.gen(function* () {
  const whatIs = (fd: number) => {
    try {
      return Fs.readlinkSync(`/proc/self/fd/${fd}`).replace(/:.*/, "")
    } catch {
      return "nothing"
    }
  }
  const [one, two] = yield* UnixSocket.pair
  const fd = one.fd
  one.close()
  // Linux gives the lowest number that is free: the same one again, to somebody else.
  const { descriptor } = yield* SharedFile.create(MAPPED, PAGE)
  one.close()
  const survives = whatIs(descriptor.fd)
  const given = two.giveAway()
  two.close()
  const stays = whatIs(given)
  new Descriptor(yield* Libc.Libc, given).close()
  return { same: descriptor.fd === fd, survives, fds: [one.fd, two.fd], stays, goes: whatIs(given) }
})

/** Fibers that open all there is to be opened, each interrupted at another of their steps. */
const interrupted: Case = growth(
  Effect.gen(function* () {
    const own = yield* folder
    const path = Path.join(own, "calendar")
    const listener = yield* UnixSocket.listen(path, 4096)
    let steps = 0
    let ends = 0
    const work = (most: number) => {
      let left = most
      const step = Effect.suspend(() => {
        steps++
        // A fiber that is interrupted ends where it next looks: here.
        return left-- > 0 ? Effect.void : Effect.interrupt
      })
      return Effect.gen(function* () {
        const path = Path.join(own, String(most))
        const listener = yield* UnixSocket.listen(path, 1)
        const client = yield* UnixSocket.connect(path)
        yield* step
        const server = yield* UnixSocket.accept(listener)
        yield* step
        const file = yield* SharedFile.create(MAPPED, PAGE)
        yield* step
        yield* UnixSocket.send(server.fd, bytes(1), [file.descriptor.fd, 2])
        yield* step
        const { descriptors } = yield* UnixSocket.receive(client.fd, 16)
        yield* step
        yield* SharedFile.attach(descriptors[0]!, { least: 1, most: PAGE })
        yield* step
        yield* Pidfd.open(process.pid)
        yield* step
        ends++
      }).pipe(Effect.scoped, Effect.exit)
    }
    for (let most = 0; most < 8; most++) yield* work(most)
    // From outside, between any two of Effect's own steps.
    let fromOutside = 0
    for (let yields = 0; yields < 200; yields++) {
      const fiber = yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, slowly(listener, path)))
      for (let turn = 0; turn < yields % 40; turn++) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      if (Exit.hasInterrupts(yield* Fiber.await(fiber))) fromOutside++
      // Who was interrupted before it was accepted.
      yield* Effect.ignore(Effect.scoped(UnixSocket.accept(listener)))
    }
    return { steps, ends, fromOutside: fromOutside > 20 }
  }).pipe(Effect.scoped),
)

const slowly = (listener: Descriptor, path: string) =>
  Effect.gen(function* () {
    for (const acquire of [UnixSocket.connect(path), UnixSocket.accept(listener), Pidfd.open(process.pid)]) {
      yield* acquire
      yield* Effect.yieldNow
      yield* SharedFile.create(MAPPED, PAGE)
      yield* Effect.yieldNow
    }
    yield* Effect.never
  }).pipe(Effect.scoped)

/** So many clients that come, are told of the memory, map it and go. */
const clients = (count: number) =>
  Effect.gen(function* () {
    const path = Path.join(yield* folder, "calendar")
    const listener = yield* UnixSocket.listen(path, 64)
    const file = yield* SharedFile.create(MAPPED, SharedMemory.sizeOf(64))
    const log = yield* SharedFile.create(MAPPED, PAGE)
    let mapped = 0
    const one = Effect.scoped(Effect.gen(function* () {
      const client = yield* UnixSocket.connect(path)
      const server = yield* UnixSocket.accept(listener)
      yield* Pidfd.open((yield* UnixSocket.peerOf(server.fd)).pid)
      yield* UnixSocket.send(server.fd, new Uint8Array(16), [file.descriptor.fd, log.descriptor.fd])
      const { bytes, descriptors } = yield* UnixSocket.receive(client.fd, 16)
      const own = yield* SharedFile.attach(descriptors[0]!, { least: PAGE, most: 1 << 20 })
      new BigUint64Array(file.buffer)[5] = BigInt(mapped)
      if (bytes.length === 16 && new BigUint64Array(own.buffer)[5] === BigInt(mapped)) mapped++
    }))
    for (let done = 0; done < count; done++) yield* one
    return { mapped }
  }).pipe(Effect.scoped)

const churn: Case = growth(clients(10_000))

/** libc itself, opened and closed. */
const reopened: Case = Effect.gen(function* () {
  const maps = () => Fs.readFileSync("/proc/self/maps", "utf8").split("\n").length
  const once = Effect.scoped(Effect.provide(Effect.scoped(UnixSocket.pair), Libc.layer))
  for (let count = 0; count < 20; count++) yield* once
  const before = maps()
  for (let count = 0; count < 200; count++) yield* once
  // Each has mapped a page of its own.
  return { grew: maps() - before > 100 }
})

const peers: Case = Effect.gen(function* () {
  const path = Path.join(yield* folder, "calendar")
  const server = yield* listening(path)
  const connecting = yield* Effect.forkChild(connectionTo(server))
  const { pid } = yield* child("waits", path)
  const socket = yield* Fiber.join(connecting)
  const peer = yield* UnixSocket.peerOf(UnixSocket.descriptorOf(socket)!)
  socket.destroy()
  return {
    pid: peer.pid === pid,
    user: peer.user === process.getuid!(),
    group: peer.group === process.getgid!(),
    destroyed: UnixSocket.descriptorOf(socket) === undefined,
  }
})

/** A calendar on the runtime's own sockets, and a process that is told of its memory by START's ACK. */
const runtimeSocket: Case = Effect.gen(function* () {
  const path = Path.join(yield* folder, "calendar")
  const server = yield* listening(path)
  const file = yield* SharedFile.create(MAPPED, PAGE)
  const connecting = yield* Effect.forkChild(connectionTo(server))
  yield* child("shares", path)
  const socket = yield* Fiber.join(connecting)
  const words: Array<string> = []
  words.push(yield* dataOf(socket))
  yield* UnixSocket.send(UnixSocket.descriptorOf(socket)!, new TextEncoder().encode("ACK"), [file.descriptor.fd, 2])
  words.push(yield* dataOf(socket))
  const seen = new BigUint64Array(file.buffer)[3]
  socket.write("thanks")
  words.push(yield* dataOf(socket))
  socket.destroy()
  return { words, seen: String(seen) }
})

/** A descriptor of our own, for the runtime to go on with. */
const givenAway: Case = Effect.gen(function* () {
  const [one, two] = yield* UnixSocket.pair
  const socket = UnixSocket.adopt(two)
  const reading = yield* Effect.forkChild(dataOf(socket))
  yield* Effect.yieldNow
  yield* UnixSocket.send(one.fd, bytes(104, 105))
  const heard = yield* Fiber.join(reading)
  socket.write("ho")
  const { bytes: said } = yield* patiently(UnixSocket.receive(one.fd, 16))
  socket.destroy()
  return { heard, said: new TextDecoder().decode(said) }
})

/** A process is killed, and its child holds on to what it had open. */
const death: Case = Effect.gen(function* () {
  const parent = ChildProcess.spawn("sh", ["-c", "sleep 100 & echo $!; wait"], { stdio: ["ignore", "pipe", "ignore"] })
  let streamEnded = false
  parent.stdout.on("end", () => streamEnded = true)
  const orphan = Number(yield* dataOf(parent.stdout as unknown as Net.Socket))
  const pidfd = yield* Pidfd.open(parent.pid!)
  const own = yield* Pidfd.open(process.pid)
  const alive = yield* Pidfd.readable([pidfd, own])
  parent.kill("SIGKILL")
  const dead = yield* Effect.retry(
    Effect.filterOrFail(Pidfd.readable([own, pidfd]), ({ length }) => length > 0, () => "alive"),
    { while: (error) => Effect.as(Effect.sleep(1), error === "alive"), times: 20_000 },
  )
  const held = !streamEnded
  process.kill(orphan, "SIGKILL")
  return { alive, dead, held }
})

/** Which of several can be read, more of them than one call looks at. */
const ready: Case = Effect.gen(function* () {
  const [one, two] = yield* UnixSocket.pair
  const [idle, peer] = yield* UnixSocket.pair
  const many = new Array<Descriptor>(600).fill(idle)
  for (const index of [5, 255, 256, 599]) many[index] = two
  const before = yield* Pidfd.readable(many)
  yield* UnixSocket.send(one.fd, bytes(1))
  const after = yield* Pidfd.readable(many)
  peer.close()
  const ended = yield* Pidfd.readable([two, idle])
  idle.close()
  return { before, after, ended, closed: yield* Pidfd.readable([idle, two]), none: yield* Pidfd.readable([]) }
})

const identity: Case = Effect.gen(function* () {
  const path = Path.join(yield* folder, "calendar")
  const server = yield* listening(path)
  const connecting = yield* Effect.forkChild(connectionTo(server))
  const started = yield* child("waits", path)
  const socket = yield* Fiber.join(connecting)
  const fd = UnixSocket.descriptorOf(socket)!
  const peer = yield* Peer.identify(fd)
  const process_ = yield* Pidfd.ofPeer(fd)
  const alive = yield* Pidfd.readable([process_])
  started.kill("SIGKILL")
  yield* Effect.callback<void>((resume) => void started.once("exit", () => resume(Effect.void)))
  const dead = yield* Pidfd.readable([process_])
  socket.destroy()
  return {
    pid: peer.pid === started.pid,
    user: peer.user === process.getuid!(),
    userName: peer.userName === ChildProcess.execFileSync("id", ["-un"], { encoding: "utf8" }).trim(),
    command: peer.command?.includes(`child.ts waits ${path}`),
    alive,
    dead,
    gone: yield* failure(Pidfd.open(started.pid!)),
  }
})

const watch: Case = Effect.gen(function* () {
  const told: Array<string> = []
  const sleeper = () => ChildProcess.spawn("sleep", ["100"], { stdio: "ignore" })
  const children = [sleeper(), sleeper(), sleeper(), sleeper()]
  const [one, two, three, four] = yield* Effect.forEach(children, ({ pid }) => Pidfd.open(pid!))
  const end = (index: number) =>
    Effect.callback<void>((resume) => {
      children[index]!.once("exit", () => resume(Effect.void))
      children[index]!.kill("SIGKILL")
    })
  const untilTold = (count: number) =>
    Effect.repeat(Effect.as(Effect.sleep(5), told), { until: ({ length }) => length >= count, times: 4000 })
  const inside = Effect.gen(function* () {
    const watcher = yield* Pidfd.watcher
    watcher.watch(one!, () => told.push("one"))
    const stop = watcher.watch(two!, () => told.push("nobody"))
    watcher.watch(two!, () => told.push("two"))
    watcher.watch(four!, () => told.push("the one after the scope"))
    stop()
    yield* end(0)
    yield* untilTold(1)
    watcher.watch(three!, () => told.push("the one that was stopped"))()
    yield* end(1)
    yield* end(2)
    yield* untilTold(2)
  })
  yield* Effect.scoped(inside)
  yield* end(3)
  yield* Effect.sleep(4 * Pidfd.INTERVAL_MS)
  return { told, open: three!.fd >= 0 }
})

/** One thread asks for time while another ends the turn that the first one saw. */
const noneLost: Case = Effect.gen(function* () {
  const rounds = 1000
  const slots = 4
  const buffer = new SharedArrayBuffer(SharedMemory.sizeOf(slots))
  const memory = SharedMemory.create(buffer, slots)
  /** The round that is to be run, the rounds that the other thread has begun and ended, and what `request` returned. */
  const control = new Int32Array(new SharedArrayBuffer(16))
  const members = [{ slot: 1, shares: true }, { slot: 2, shares: true }]
  for (const { slot } of members) {
    SharedMemory.admit(memory, slot, BigInt(slot))
    SharedMemory.join(memory, slot)
  }
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(new URL("asker.ts", import.meta.url), { workerData: { buffer, control, rounds } })),
    (worker) => Effect.promise(() => worker.terminate()),
  )
  yield* Effect.callback<void>((resume) => void worker.once("message", () => resume(Effect.void)))
  const published = { time: 0n, freeUntil: 1000n, running: 1 } as SharedMemory.Published
  const seen = { byMessage: 0, byMemory: 0, lost: 0 }
  for (let round = 1; round <= rounds; round++) {
    SharedMemory.setRequest(memory, 2, undefined)
    SharedMemory.publish(memory, published)
    Atomics.store(control, 0, round)
    while (Atomics.load(control, 1) < round);
    // Some time of its own for each round, so that they meet in every way.
    for (let idle = 0; idle < (round * 7) % 200; idle++) Atomics.load(control, 3)
    const over = { ...published, running: SharedMemory.NOBODY }
    SharedMemory.publish(memory, over)
    const isSeen = SharedMemory.read(memory, over, members).requests.length > 0
    while (Atomics.load(control, 2) < round);
    const needsMessage = Atomics.load(control, 3) === 0
    if (isSeen) seen.byMemory++
    if (needsMessage) seen.byMessage++
    if (!isSeen && !needsMessage) seen.lost++
  }
  return { rounds, lost: seen.lost, both: seen.byMemory > 0 && seen.byMessage > 0 }
})

/** Each thread has a libc of its own, and its own errors. */
const threads: Case = Effect.gen(function* () {
  const results = yield* Effect.forEach(["a", "b", "c"], () =>
    Effect.callback<unknown, unknown>((resume) => {
      const worker = new Worker(new URL("thread.ts", import.meta.url))
      worker.once("message", (result) => resume(Effect.succeed(result)))
      worker.once("error", (error) => resume(Effect.fail(error)))
      return Effect.sync(() => void worker.terminate())
    }), { concurrency: "unbounded" })
  return results
})

/** The one case that runs without native calls as well. */
const said = Effect.gen(function* () {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  const way = Libc.orPortable("clients share no memory", Effect.succeed("native"), () => Effect.succeed("portable"))
  const other = Libc.orPortable("nobody looks for dead clients", Effect.fail("native"), () => Effect.fail("portable"))
  const ways = Effect.all([way, way, Effect.flip(other), way, Effect.flip(other)])
  return { ways: yield* Effect.provide(ways, Logger.layer([logger])), lines }
})

/** All cases, by name. */
export const cases: { readonly [name: string]: Case } = {
  errors,
  message,
  memory,
  afterwards,
  descriptors,
  tooMany,
  once,
  interrupted,
  churn,
  reopened,
  peers,
  runtimeSocket,
  givenAway,
  death,
  ready,
  identity,
  watch,
  noneLost,
  threads,
}

/** A case's result, or what it failed with. */
export const run = (name: string): Effect.Effect<unknown> =>
  (name === "said" ? said : Effect.provide(Effect.scoped(cases[name]!), Libc.layer)).pipe(
    Effect.scoped,
    Effect.catchCause((cause) => Effect.succeed({ failed: Cause.pretty(cause) })),
  )
