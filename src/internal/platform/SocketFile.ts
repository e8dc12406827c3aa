/**
 * The file of a unix socket that a server listens on: private from the first moment, never taken from another server,
 * and never left behind.
 *
 * ## Theory of operation
 *
 * *The socket is made in private:* in a new directory beside its path that only this user can enter. Once the server
 * listens and the socket has its mode, the socket is linked to the path. So a socket at the path is always private, and
 * always listened on. The link fails if the file exists, so only one of two servers gets the path.
 *
 * *Only one server replaces the file of a killed one:* the server that holds a claim on that file's inode. A claim is a
 * second link to the claimant's own socket. So nobody has to know whether the claimant is alive: a connection to a
 * killed claimant's socket is refused, and the claim with the next number counts. Only its holder removes a claim while
 * the claimed file may still be there. The holder checks the inode again, and then replaces the file by a rename.
 *
 * *A server removes its file before it stops listening:* while it listens, nobody replaces the file. Somebody may have
 * removed the file by hand and made another; so the server compares the inode first.
 *
 * @module
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import type { BigIntStats } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { MAX_PATH_BYTES, pathFault } from "../../core/BootOptions.ts"
import * as Acceptor from "./Acceptor.ts"
import { ListenError } from "./ListenError.ts"
import { Admission } from "./Admission.ts"
import { inRealTime } from "./RealTime.ts"

export { ListenError }

/** Only the user who runs the server may connect; or all may, and the server looks who does. */
const [PRIVATE_MODE, PUBLIC_MODE] = [0o600, 0o666]

/** How the names begin of what is beside the path only while a server starts. */
const PREFIX = ".gc-"

/** The names of directories in which sockets are made. */
const PRIVATE = /^\.gc-\w{6}$/

/** A server's socket in the directory that it is made in. */
const SOCKET = "s"

/** The longest name of what is beside the path for a moment, in bytes: a claim. */
const MAX_NAME_BYTES = PREFIX.length + "01234567-18446744073709551615-999".length

/** How often a server tries again after others got in its way, each of which got on by it. */
const MOST_ROUNDS = 1000

/** How often a server begins anew. */
const MOST_SWEPT = 20

/** How long it waits for a server that replaces a file at this moment, in ms. */
const MOMENT_MS = 5

const codeOf = (cause: unknown): string | undefined => (cause as { readonly code?: string } | undefined)?.code

/** What is wrong, for the ways it usually is. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such directory",
  ENOTDIR: "there is no such directory",
  EACCES: "permission denied: the directory has to be writable",
  EPERM: "the system doesn't permit that: the directory has to be writable, and on a file system with hard links",
  EROFS: "the file system is read-only",
}

const refused = (path: string, cause: unknown): ListenError => {
  const hint = hints[codeOf(cause) ?? ""]
  return new ListenError(path, "Refused", hint ?? (cause instanceof Error ? cause.message : String(cause)), { cause })
}

/** Somebody removed what was made in private: a server that took it for a killed one's. */
class Swept {
  readonly _tag = "Swept"
}

/** The place that is listened on, and its directory. */
interface Place {
  /** The path as given, for errors and to connect to. */
  readonly given: string
  /** The same whatever the current directory is. */
  readonly path: string
  readonly directory: string
  /** A name of the directory that leaves room for a name in it, within what a socket's path can have. */
  readonly short: string
  /** How the names begin of claims on a file at this path. */
  readonly claims: string
  /** The mode of the socket's file. */
  readonly mode: number
}

const io = <A>(place: Pick<Place, "given">, act: () => Promise<A>): Effect.Effect<A, ListenError> =>
  Effect.tryPromise({ try: act, catch: (cause) => refused(place.given, cause) })

/** As {@link io}, and what `code` stands for is a value. */
const unless = <A, B>(place: Place, code: string, other: B, act: () => Promise<A>): Effect.Effect<A | B, ListenError> =>
  io(place, () =>
    act().catch((cause): B => {
      if (codeOf(cause) === code) return other
      throw cause
    }))

/** The place at `path`. */
const placeOf = (given: string, mode: number): Effect.Effect<Place, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const fault = pathFault(given)
    if (fault !== undefined) return yield* Effect.fail(new ListenError(given, "BadPath", fault))
    // A directory that becomes the current one later isn't meant.
    const path = Path.resolve(given)
    const directory = Path.dirname(path)
    const hash = createHash("sha256").update(Path.basename(path)).digest("hex").slice(0, 8)
    const place = { given, path, directory, short: directory, claims: `${PREFIX}${hash}-`, mode }
    if (Buffer.byteLength(directory) + 1 + MAX_NAME_BYTES <= MAX_PATH_BYTES) return place
    const handle = yield* Effect.acquireRelease(
      io(place, () => Fs.open(directory, "r")),
      (handle) => Effect.promise(() => handle.close()),
    )
    const short = `/proc/self/fd/${handle.fd}`
    const isThere = yield* Effect.promise(() => Fs.stat(short).then((found) => found.isDirectory(), () => false))
    if (isThere) return { ...place, short }
    const most = MAX_PATH_BYTES - 1 - MAX_NAME_BYTES
    const why = `the path of its directory is ${
      Buffer.byteLength(directory)
    } bytes long, and without /proc at most ${most} do`
    return yield* Effect.fail(new ListenError(given, "BadPath", why))
  })

/** The file at the place, if there is one. */
const look = (place: Place, path = place.path): Effect.Effect<BigIntStats | undefined, ListenError> =>
  unless(place, "ENOENT", undefined, () => Fs.lstat(path, { bigint: true }))

const isSame = (one: BigIntStats | undefined, other: BigIntStats | undefined): boolean =>
  one !== undefined && one.ino === other?.ino && one.dev === other.dev

/** Links a file, if there is none of the other name. */
const link = (place: Place, from: string, to: string): Effect.Effect<boolean, ListenError> =>
  unless(place, "EEXIST", false, () => Fs.link(from, to).then(() => true))

/** The state of a socket's file: a server listens, none does any more, or the file is gone. */
type Behind = "server" | "nobody" | "gone"

const behind: Readonly<Record<string, Behind>> = {
  // What is left of a server that was killed.
  ECONNREFUSED: "nobody",
  ENOENT: "gone",
  // More have connected already than it can look at just now.
  EAGAIN: "server",
  EWOULDBLOCK: "server",
  // A server for packets.
  EPROTOTYPE: "server",
}

/** Finds out whether a server listens on the socket at `path`. */
const ask = (place: Place, path: string): Effect.Effect<Behind, ListenError> =>
  Effect.gen(function* () {
    const socket = yield* NodeSocket.makeNet({ path })
    yield* socket.reader
    return "server" as const
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => {
      const cause = "cause" in error.reason ? error.reason.cause : error
      const who = behind[codeOf(cause) ?? ""]
      if (who !== undefined) return Effect.succeed(who)
      const why = cause instanceof Error ? cause.message : String(cause)
      return Effect.fail(
        new ListenError(place.given, "Refused", `whether a server listens there already can't be told: ${why}`, {
          cause,
        }),
      )
    }),
  )

const kindOf = (found: BigIntStats): string =>
  found.isDirectory() ? "a directory" : found.isSymbolicLink() ? "a symbolic link" : "a file that is not a socket"

/** Whether what was found at the place can be replaced: anything but what a killed server left is an error. */
const isLeftBehind = (place: Place, found: BigIntStats): Effect.Effect<boolean, ListenError> =>
  Effect.gen(function* () {
    const { given } = place
    if (!found.isSocket()) {
      return yield* Effect.fail(new ListenError(given, "NotASocket", `there is ${kindOf(found)}`))
    }
    const who = yield* ask(place, given)
    if (who === "server") {
      return yield* Effect.fail(new ListenError(given, "InUse", "another server is listening there"))
    }
    return who === "nobody"
  })

/** Takes the first claim on a file that isn't a killed server's; nothing if that is another server's. */
const claim = (place: Place, socket: string, { ino }: BigIntStats): Effect.Effect<string | undefined, ListenError> =>
  Effect.gen(function* () {
    for (let number = 0;;) {
      const name = `${place.claims}${ino}-${number}`
      if (yield* link(place, socket, Path.join(place.directory, name))) return Path.join(place.directory, name)
      const who = yield* ask(place, Path.join(place.short, name))
      if (who === "server") return undefined
      // One that is gone was given back, and is free again.
      number = who === "gone" ? 0 : number + 1
    }
  })

const remove = (place: Place, path: string) => io(place, () => Fs.rm(path, { force: true }))

/** Replaces the file that was found, if it is still there and nobody else replaces it: whether it did. */
const replace = (place: Place, socket: string, found: BigIntStats): Effect.Effect<boolean, ListenError> =>
  Effect.acquireUseRelease(
    claim(place, socket, found),
    (claim) =>
      Effect.gen(function* () {
        if (claim === undefined) {
          yield* Effect.sleep(MOMENT_MS)
          return false
        }
        const now = yield* look(place)
        if (now === undefined || !isSame(now, found) || !(yield* isLeftBehind(place, now))) return false
        yield* io(place, () => Fs.rename(socket, place.path))
        return true
      }),
    (claim) => claim === undefined ? Effect.void : Effect.ignore(remove(place, claim)),
  )

/** Puts the socket where it is to be. */
const put = (place: Place, socket: string, own: BigIntStats | undefined): Effect.Effect<void, ListenError> =>
  Effect.gen(function* () {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const found = yield* look(place)
      if (found === undefined) {
        if (yield* link(place, socket, place.path)) return
      } else if (isSame(found, own)) {
        // It is listened on, so nobody else replaces it.
        return yield* io(place, () => Fs.rename(socket, place.path))
      } else if ((yield* isLeftBehind(place, found)) && (yield* replace(place, socket, found))) return
    }
    return yield* Effect.fail(new ListenError(place.given, "InUse", "other servers come and go there"))
  })

/** Takes the file away again, if it is still the one that was made. */
const removeWhenDone = (place: Place, made: BigIntStats): Effect.Effect<void, never, Scope.Scope> =>
  Effect.addFinalizer(() =>
    Effect.gen(function* () {
      if (isSame(yield* look(place), made)) yield* remove(place, place.path)
    }).pipe(Effect.ignore)
  )

/** Whether a killed server left a socket at `path`, beside the place, and whether there is none at all. */
const remains = (place: Place, path: string): Effect.Effect<Behind, ListenError> =>
  Effect.gen(function* () {
    const found = yield* look(place, Path.join(place.directory, path))
    if (found === undefined) return "gone"
    return found.isSocket() ? yield* ask(place, Path.join(place.short, path)) : "server"
  })

/**
 * Removes what servers left beside the path that were killed while they started. Claims on what is no longer
 * at the path are of no use to anybody, and nobody but this server can put something there now.
 */
const sweep = (place: Place): Effect.Effect<void> =>
  Effect.gen(function* () {
    const names = yield* io(place, () => Fs.readdir(place.directory))
    for (const name of names.filter((name) => name.startsWith(PREFIX))) {
      const path = Path.join(place.directory, name)
      const sweepOne = Effect.gen(function* () {
        if (name.startsWith(place.claims)) {
          if ((yield* remains(place, name)) === "nobody") yield* remove(place, path)
        } else if (PRIVATE.test(name)) {
          const socket = Path.join(name, SOCKET)
          if ((yield* remains(place, socket)) === "nobody") yield* remove(place, Path.join(place.directory, socket))
          // If there is nothing else in it.
          yield* io(place, () => Fs.rmdir(path))
        }
      })
      // What is another user's, for example, stays.
      yield* Effect.ignore(sweepOne)
    }
  }).pipe(Effect.ignore)

/** Makes a directory for the time of `use` that nobody else can enter. */
const inPrivate = <A, E, R>(
  place: Place,
  use: (name: string) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | ListenError, R> =>
  Effect.acquireUseRelease(
    // With mode 0700, whatever the umask is.
    io(place, () => Fs.mkdtemp(Path.join(place.directory, PREFIX))),
    (directory) => use(Path.basename(directory)),
    (directory) => Effect.ignore(io(place, () => Fs.rm(directory, { recursive: true, force: true }))),
  )

/** A server that listens in private, and then at the place: also in the stead of this process's own, if that is there. */
const start = (
  place: Place,
  outer: Scope.Scope,
  own?: BigIntStats,
): Effect.Effect<Acceptor.Listener, ListenError | Swept> =>
  inPrivate(place, (name) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(outer)
      const socket = Path.join(place.directory, name, SOCKET)
      const starting = Effect.gen(function* () {
        const server = yield* Effect.mapError(
          NodeSocketServer.make({
            path: Path.join(place.short, name, SOCKET),
            backlog: Acceptor.BACKLOG,
            allowHalfOpen: true,
          }),
          ({ reason: { cause } }) => refused(place.given, cause),
        )
        yield* io(place, () => Fs.chmod(socket, place.mode))
        const made = yield* io(place, () => Fs.lstat(socket, { bigint: true }))
        yield* removeWhenDone(place, made)
        yield* put(place, socket, own)
        return { server, scope, replace: () => start(place, outer, made) }
      })
      return yield* Scope.provide(starting, scope).pipe(
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit)),
        Effect.mapError((error) => codeOf(error.cause) === "ENOENT" ? new Swept() : error),
      )
    }))

/**
 * Listens on a unix socket at `path`, with mode 0600, or 0666 if it `isPublic`, until the scope closes.
 *
 * A socket file that nobody listens on any more is replaced. A path that is too
 * long, in use, or another kind of file is a `ListenError` that says so.
 */
export const listen = (
  path: string,
  admission: Admission = new Admission(),
  isPublic = false,
): Effect.Effect<Acceptor.Run, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const place = yield* placeOf(path, isPublic ? PUBLIC_MODE : PRIVATE_MODE)
    const starting = Effect.retry(start(place, scope), { while: ({ _tag }) => _tag === "Swept", times: MOST_SWEPT })
    const first = yield* Effect.catchTag(
      inRealTime(starting),
      "Swept",
      () => Effect.fail(new ListenError(path, "Refused", "what is made in its directory disappears")),
    )
    yield* sweep(place)
    return yield* Acceptor.serving(first, admission)
  })
