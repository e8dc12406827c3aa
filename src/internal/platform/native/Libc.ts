/**
 * libc, called without an addon: for what the runtimes have no function of their own for, which is shared memory,
 * descriptors sent over a socket, a peer's credentials, and a process as a descriptor.
 *
 * It is there on Linux on x64 and arm64, on Deno with `--allow-ffi`, on Bun, and on Node from 26 on. Where it isn't,
 * {@link NativeUnavailable} says why: a program then goes the portable way (see {@link orPortable}).
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Os from "node:os"
import process from "node:process"
import { Tagged } from "../../core/Tagged.ts"
import { invariant } from "../../../core/Fault.ts"
import * as Backends from "./Backends.ts"
import type { Backend, Functions, Library } from "./Functions.ts"
import { SyscallError } from "./SyscallError.ts"

/** Native calls can't be made here. */
export class NativeUnavailable extends Tagged<"NativeUnavailable"> {
  /** What there is another of, or none: the system, the processor, the runtime's FFI, its permission, the library. */
  readonly reason: "System" | "Processor" | "Runtime" | "Permission" | "Library"
  constructor(reason: NativeUnavailable["reason"], why: string, options?: ErrorOptions) {
    super("NativeUnavailable", `no native calls: ${why}`, options)
    this.reason = reason
  }
}

/** Memory that functions are given the addresses of: what a garbage collector keeps may move while C looks at it. */
export interface Scratch {
  readonly bytes: Uint8Array
  /** In the byte order of both processors, which is little-endian. */
  readonly view: DataView
  /** The address of the byte at an offset. */
  readonly at: (offset: number) => bigint
}

/** libc, opened. It is for one thread: each worker opens its own. */
export interface Libc {
  readonly runtime: Backend["runtime"]
  readonly functions: Functions
  readonly memoryAt: Library["memoryAt"]
  readonly scratch: Scratch
  /** The number that the last call which failed has left. */
  readonly errno: () => number
}

/** The service. */
export const Libc: Context.Service<Libc, Libc> = Context.Service<Libc>("guest-clock/platform/native/Libc")

/** The scratch memory's length in bytes. */
export const SCRATCH_BYTES = 65_536

// mmap(2), the same on both processors.
const PROT_READ_WRITE = 3
const MAP_SHARED = 0x01
const MAP_PRIVATE = 0x02
const MAP_ANONYMOUS = 0x20
const MAP_FAILED = 0xffff_ffff_ffff_ffffn

/** glibc. Others number or lay out some things in another way, and nobody has tried them. */
const LIBRARY = "libc.so.6"

/** Why `host` can't make native calls, as far as can be told without trying. */
const absence = (host: Backends.Host): NativeUnavailable | undefined => {
  const { platform, arch, version, ffi, lacks, permission } = host
  if (platform !== "linux") return new NativeUnavailable("System", `they need Linux, and this is ${platform}`)
  if (arch !== "x64" && arch !== "arm64") {
    return new NativeUnavailable("Processor", `they need x64 or arm64, and this is ${arch}`)
  }
  if (ffi === undefined) return new NativeUnavailable("Runtime", `${version} ${lacks}`)
  if (permission !== undefined) {
    return new NativeUnavailable("Permission", `${version} needs ${permission} for them`)
  }
  return undefined
}

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** Runs a function until no signal interrupts it: its result, or what it failed with. `given` is for people. */
export const attempt = (
  { functions, errno }: Pick<Libc, "functions" | "errno">,
  syscall: string,
  given: string,
  run: (functions: Functions) => number,
): number | SyscallError => {
  while (true) {
    const result = run(functions)
    if (result >= 0) return result
    const number = errno()
    if (number !== Os.constants.errno.EINTR) return new SyscallError(syscall, number, given)
  }
}

/** The same as an effect. */
export const call = (
  syscall: string,
  given: string,
  run: (functions: Functions) => number,
): Effect.Effect<number, SyscallError, Libc> =>
  Effect.flatMap(Libc, (libc) => orFail(attempt(libc, syscall, given, run)))

/** What a function of this folder returned, as an effect. */
export const orFail = <A>(result: A | SyscallError): Effect.Effect<A, SyscallError> =>
  result instanceof SyscallError ? Effect.fail(result) : Effect.succeed(result)

interface Mapping {
  readonly address: bigint
  readonly buffer: ArrayBuffer
}

const mapNow = (
  libc: Omit<Libc, "scratch" | "runtime">,
  bytes: number,
  flags: number,
  fd: number,
): Mapping | SyscallError => {
  const address = libc.functions.mmap(0n, BigInt(bytes), PROT_READ_WRITE, flags, fd, 0n)
  if (address === MAP_FAILED) return new SyscallError("mmap", libc.errno(), `${bytes} bytes of descriptor ${fd}`)
  return { address, buffer: libc.memoryAt(address, bytes) }
}

/** Detaches the buffer: a view of it that is still in use then throws, instead of a segmentation fault. */
const unmapNow = (libc: Pick<Libc, "functions">, { address, buffer }: Mapping): void => {
  const bytes = buffer.byteLength
  buffer.transfer()
  const result = libc.functions.munmap(address, BigInt(bytes))
  invariant(result === 0, "only what was mapped is unmapped, once")
}

const scoped = (
  libc: Omit<Libc, "scratch" | "runtime">,
  bytes: number,
  flags: number,
  fd: number,
): Effect.Effect<Mapping, SyscallError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => orFail(mapNow(libc, bytes, flags, fd))),
    (mapping) => Effect.sync(() => unmapNow(libc, mapping)),
  )

/** Maps the first `bytes` of what a descriptor stands for, to be shared, until the scope closes. */
export const mapShared = (fd: number, bytes: number): Effect.Effect<ArrayBuffer, SyscallError, Libc | Scope.Scope> =>
  Effect.flatMap(Libc, (libc) => Effect.map(scoped(libc, bytes, MAP_SHARED, fd), ({ buffer }) => buffer))

/** Whether what is called is libc on the machine that the constants of this folder are for. */
const trial = (libc: Libc): string | undefined => {
  const { functions, scratch } = libc
  if (functions.getpid() !== process.pid) return `getpid() returned ${functions.getpid()}, and this is ${process.pid}`
  scratch.view.setBigUint64(0, 0x0123_4567_89ab_cdefn, true)
  if (new DataView(libc.memoryAt(scratch.at(0), 8)).getBigUint64(0, true) !== 0x0123_4567_89ab_cdefn) {
    return "memory isn't what was written to it"
  }
  const result = functions.close(-1)
  const errno = libc.errno()
  return result === -1 && errno === Os.constants.errno.EBADF
    ? undefined
    : `close(-1) returned ${result}, with error ${errno}`
}

const closed = () => {
  throw new Error("bug in guest-clock: libc was closed before what was opened with it")
}

/** To call a function of a library that is closed may end the process, so none is left to be called. */
const close = ({ functions, close }: Library): void => {
  for (const name of Object.keys(functions)) Object.assign(functions, { [name]: closed })
  close()
}

/** Opens libc as `host` can, until the scope closes. */
export const make = (host: Backends.Host): Effect.Effect<Libc, NativeUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const absent = absence(host)
    if (absent !== undefined) return yield* Effect.fail(absent)
    const { runtime, open } = host.ffi!
    const library = yield* Effect.acquireRelease(
      Effect.try({
        try: () => open(LIBRARY),
        catch: (cause) =>
          new NativeUnavailable("Library", `${host.version} can't open ${LIBRARY}: ${messageOf(cause)}`, { cause }),
      }),
      (library) => Effect.sync(() => close(library)),
    )
    const { functions, memoryAt, intAt } = library
    // A thread's errno stays where it is: once that is known, nothing is called between a call and the look at it.
    const errnoAt = functions.__errno_location()
    const errno = () => intAt(errnoAt)
    const { address, buffer } = yield* Effect.mapError(
      scoped({ functions, memoryAt, errno }, SCRATCH_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1),
      (cause) => new NativeUnavailable("Library", cause.message, { cause }),
    )
    const scratch: Scratch = {
      bytes: new Uint8Array(buffer),
      view: new DataView(buffer),
      at: (offset) => address + BigInt(offset),
    }
    const libc: Libc = { runtime, functions, memoryAt, errno, scratch }
    const fault = trial(libc)
    if (fault !== undefined) return yield* Effect.fail(new NativeUnavailable("Library", `${LIBRARY}: ${fault}`))
    return libc
  })

/** Opens libc until the scope closes. */
export const open: Effect.Effect<Libc, NativeUnavailable, Scope.Scope> = Effect.suspend(() => make(Backends.host()))

/** libc as a service. */
export const layer: Layer.Layer<Libc, NativeUnavailable> = Layer.effect(Libc, open)

/** The one that is opened in this thread for all who need it now and then, once somebody has. */
let kept: Libc | NativeUnavailable | undefined

/** libc for who needs it in every guest: opened once in a thread, and open as long as that is. */
export const shared: Effect.Effect<Libc, NativeUnavailable> = Effect.suspend(() => {
  kept ??= Effect.runSync(
    Effect.catch(Scope.provide(open, Scope.makeUnsafe()), (unavailable) => Effect.succeed(unavailable)),
  )
  return kept instanceof NativeUnavailable ? Effect.fail(kept) : Effect.succeed(kept)
})

/** What has been said already in this process. */
const said = new Set<string>()

/**
 * Runs `native` with libc, or `portable` where there is none, and then says so once in a process: `what`, for people,
 * is what has to do without. libc stays open until the scope closes, or is that of `from`.
 */
export const orPortable = <A, E, R, A2, E2, R2>(
  what: string,
  native: Effect.Effect<A, E, R>,
  portable: (why: NativeUnavailable) => Effect.Effect<A2, E2, R2>,
  from: Effect.Effect<Libc, NativeUnavailable, Scope.Scope> = open,
): Effect.Effect<A | A2, E | E2, Exclude<R, Libc> | R2 | Scope.Scope> =>
  Effect.matchEffect(from, {
    onSuccess: (libc): Effect.Effect<A | A2, E | E2, Exclude<R, Libc> | R2> =>
      Effect.provideService(native, Libc, libc),
    onFailure: (why) => {
      const line = `guest-clock: ${what} without native calls (${why.message})`
      const isNews = !said.has(line)
      said.add(line)
      return Effect.andThen(isNews ? Effect.logInfo(line) : Effect.void, portable(why))
    },
  })
