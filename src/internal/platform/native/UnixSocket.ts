/**
 * What the runtimes' unix sockets can't do: send and receive descriptors, and tell who is at the other end.
 *
 * The functions take the number of a descriptor, which may be that of a socket of the runtime's own
 * ({@link descriptorOf}): it reads and writes on, before and after. Whatever blocks fails with `EAGAIN`, as all sockets
 * here are non-blocking.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Os from "node:os"
import { acquire, acquireAll, Descriptor } from "./Descriptor.ts"
import { attempt, call, Libc, orFail } from "./Libc.ts"
import { SyscallError } from "./SyscallError.ts"

/** The process at the other end of a unix socket, as it was when it connected. */
export interface PeerProcess {
  /** 0 if it is in another PID namespace. */
  readonly pid: number
  /** The number of its effective user. */
  readonly user: number
  readonly group: number
}

/** What has arrived on a socket. */
export interface Received {
  /** None at all: the stream has ended. */
  readonly bytes: Uint8Array
  readonly descriptors: ReadonlyArray<Descriptor>
}

/** The most bytes that are sent or received at once. */
export const MAX_BYTES = 4096

/** The most descriptors that are sent or received at once. Linux takes 253. */
export const MAX_DESCRIPTORS = 64

// socket(2), socket(7), unix(7), the same on x86-64 and arm64.
const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const SCM_RIGHTS = 1
const MSG_CTRUNC = 0x8
const MSG_NOSIGNAL = 0x4000
const MSG_CMSG_CLOEXEC = 0x40000000

// Where structures are laid out in the scratch memory, which no call keeps, and their sizes.
const DATA = 0
const ADDRESS = DATA + MAX_BYTES
/** struct sockaddr_un: the family in 2 bytes, then the path with a 0 behind it. */
const ADDRESS_BYTES = 110
const IOVEC = ADDRESS + 128
/** struct iovec: address, length. */
const HEADER = IOVEC + 16
/** struct msghdr: name, its length, iovec, how many, control, its length, flags. */
const HEADER_BYTES = 56
const CONTROL = HEADER + 64
/** struct cmsghdr: length with itself, level, type; behind it its data, in whole words of 8 bytes. */
const CONTROL_HEADER = 16
const CONTROL_BYTES = CONTROL_HEADER + 4 * MAX_DESCRIPTORS
const CREDENTIALS = CONTROL + CONTROL_BYTES
/** struct ucred: pid, uid, gid. */
const CREDENTIALS_BYTES = 12
const LENGTH = CREDENTIALS + 16
const PAIR = LENGTH + 8

const encoder = new TextEncoder()

const invalid = (syscall: string, given: string) => new SyscallError(syscall, Os.constants.errno.EINVAL, given)

const socket: Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> = acquire(
  "socket",
  "AF_UNIX, SOCK_STREAM",
  (functions) => functions.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK_CLOEXEC, 0),
)

/** Runs a function on a path as an address. A longer one than an address has room for is `ENAMETOOLONG`. */
const onPath = (
  syscall: "bind" | "connect",
  { fd }: Descriptor,
  path: string,
): Effect.Effect<number, SyscallError, Libc> =>
  Effect.flatMap(Libc, (libc) => {
    const { scratch } = libc
    const encoded = encoder.encode(path)
    const given = JSON.stringify(path)
    if (encoded.length > ADDRESS_BYTES - 3) {
      return Effect.fail(new SyscallError(syscall, Os.constants.errno.ENAMETOOLONG, given))
    }
    // An address without a path, or one that begins with 0, isn't a file.
    if (encoded.length === 0 || encoded.includes(0)) return Effect.fail(invalid(syscall, given))
    scratch.bytes.fill(0, ADDRESS, ADDRESS + ADDRESS_BYTES)
    scratch.view.setUint16(ADDRESS, AF_UNIX, true)
    scratch.bytes.set(encoded, ADDRESS + 2)
    return orFail(
      attempt(libc, syscall, given, (functions) => functions[syscall](fd, scratch.at(ADDRESS), ADDRESS_BYTES)),
    )
  })

/**
 * Listens at a path, until the scope closes. The file stays: who makes one knows what may be there before, and removes
 * it afterwards (`platform/SocketFile`).
 */
export const listen = (
  path: string,
  backlog: number,
): Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> =>
  Effect.gen(function* () {
    const listener = yield* socket
    yield* onPath("bind", listener, path)
    yield* call("listen", JSON.stringify(path), (functions) => functions.listen(listener.fd, backlog))
    return listener
  })

/** Connects to who listens at a path, until the scope closes. `EAGAIN`: too many wait there to be accepted. */
export const connect = (path: string): Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> =>
  Effect.gen(function* () {
    const descriptor = yield* socket
    yield* onPath("connect", descriptor, path)
    return descriptor
  })

/** The next connection that waits to be accepted, until the scope closes. `EAGAIN`: there is none. */
export const accept = (listener: Descriptor): Effect.Effect<Descriptor, SyscallError, Libc | Scope.Scope> =>
  Effect.suspend(() =>
    acquire(
      "accept4",
      `descriptor ${listener.fd}`,
      (functions) => functions.accept4(listener.fd, 0n, 0n, SOCK_NONBLOCK_CLOEXEC),
    )
  )

/** Two sockets that are connected to each other, until the scope closes. */
export const pair: Effect.Effect<readonly [Descriptor, Descriptor], SyscallError, Libc | Scope.Scope> = Effect.map(
  acquireAll((libc) => {
    const { scratch } = libc
    const result = attempt(
      libc,
      "socketpair",
      "AF_UNIX, SOCK_STREAM",
      (functions) => functions.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK_CLOEXEC, 0, scratch.at(PAIR)),
    )
    if (result instanceof SyscallError) return result
    const end = (index: number) => new Descriptor(libc, scratch.view.getInt32(PAIR + 4 * index, true))
    return { descriptors: [end(0), end(1)] as const }
  }),
  ({ descriptors }) => descriptors,
)

/** Lays out a `struct msghdr` for `bytes` of data and room for so many bytes of control messages. */
const layOut = ({ scratch: { bytes, view, at } }: Libc, length: number, control: number): void => {
  view.setBigUint64(IOVEC, at(DATA), true)
  view.setBigUint64(IOVEC + 8, BigInt(length), true)
  bytes.fill(0, HEADER, HEADER + HEADER_BYTES)
  view.setBigUint64(HEADER + 16, at(IOVEC), true)
  view.setBigUint64(HEADER + 24, 1n, true)
  if (control === 0) return
  view.setBigUint64(HEADER + 32, at(CONTROL), true)
  view.setBigUint64(HEADER + 40, BigInt(control), true)
}

/**
 * Sends bytes along with descriptors, which stay open here; at once, for who runs outside of a fiber.
 *
 * Returns how many bytes were sent: fewer than all if the socket's buffer is full, and then the descriptors went with
 * the first of them. A socket of the runtime's must have nothing left to write (`writableLength` 0), or these bytes go
 * first.
 */
export const sendNow = (
  libc: Libc,
  fd: number,
  bytes: Uint8Array,
  descriptors: ReadonlyArray<number> = [],
): number | SyscallError => {
  const given = `descriptor ${fd}, ${bytes.length} bytes, ${descriptors.length} descriptors`
  // Descriptors need a byte that they go with.
  if (bytes.length === 0 || bytes.length > MAX_BYTES || descriptors.length > MAX_DESCRIPTORS) {
    return invalid("sendmsg", given)
  }
  const { scratch } = libc
  scratch.bytes.set(bytes, DATA)
  const control = CONTROL_HEADER + 4 * descriptors.length
  layOut(libc, bytes.length, descriptors.length === 0 ? 0 : control + 7 & ~7)
  scratch.view.setBigUint64(CONTROL, BigInt(control), true)
  scratch.view.setInt32(CONTROL + 8, SOL_SOCKET, true)
  scratch.view.setInt32(CONTROL + 12, SCM_RIGHTS, true)
  descriptors.forEach((each, index) => scratch.view.setInt32(CONTROL + CONTROL_HEADER + 4 * index, each, true))
  return attempt(libc, "sendmsg", given, (functions) => functions.sendmsg(fd, scratch.at(HEADER), MSG_NOSIGNAL))
}

/** The same as an effect. */
export const send = (
  fd: number,
  bytes: Uint8Array,
  descriptors: ReadonlyArray<number> = [],
): Effect.Effect<number, SyscallError, Libc> =>
  Effect.flatMap(Libc, (libc) => orFail(sendNow(libc, fd, bytes, descriptors)))

/** The descriptors in the control messages of the last `recvmsg`. */
const received = (libc: Libc): ReadonlyArray<Descriptor> => {
  const { view } = libc.scratch
  const descriptors: Array<Descriptor> = []
  const end = CONTROL + Math.min(Number(view.getBigUint64(HEADER + 40, true)), CONTROL_BYTES)
  for (let at = CONTROL; at + CONTROL_HEADER <= end;) {
    const length = Math.min(Number(view.getBigUint64(at, true)), end - at)
    if (length < CONTROL_HEADER) break
    if (view.getInt32(at + 8, true) === SOL_SOCKET && view.getInt32(at + 12, true) === SCM_RIGHTS) {
      for (let each = at + CONTROL_HEADER; each + 4 <= at + length; each += 4) {
        descriptors.push(new Descriptor(libc, view.getInt32(each, true)))
      }
    }
    at += length + 7 & ~7
  }
  return descriptors
}

/** The same at once, for who runs outside of a fiber and closes what descriptors came: see {@link receive}. */
export const receiveNow = (libc: Libc, fd: number, most: number): Received | SyscallError => {
  const given = `descriptor ${fd}, ${most} bytes`
  if (most < 1 || most > MAX_BYTES) return invalid("recvmsg", given)
  const { scratch } = libc
  layOut(libc, most, CONTROL_BYTES)
  const length = attempt(
    libc,
    "recvmsg",
    given,
    (functions) => functions.recvmsg(fd, scratch.at(HEADER), MSG_CMSG_CLOEXEC),
  )
  if (length instanceof SyscallError) return length
  const bytes = scratch.bytes.slice(DATA, DATA + length)
  const descriptors = received(libc)
  if ((scratch.view.getInt32(HEADER + 48, true) & MSG_CTRUNC) === 0) return { bytes, descriptors }
  // Some were sent that there was no room for, or that this process may not have as well: all or none.
  for (const descriptor of descriptors) descriptor.close()
  return new SyscallError("recvmsg", Os.constants.errno.EMFILE, `${given}, more descriptors than can be taken`)
}

/**
 * Takes at most `most` bytes that have arrived, 1 to {@link MAX_BYTES}, and what descriptors came with them, which are
 * closed with the scope. `EAGAIN`: nothing has arrived. `EMFILE`: more descriptors came than can be taken, and none
 * was.
 */
export const receive = (fd: number, most: number): Effect.Effect<Received, SyscallError, Libc | Scope.Scope> =>
  acquireAll((libc) => receiveNow(libc, fd, most))

/** The process at the other end, synchronously. For other sockets: all 0, or `ENOPROTOOPT`. */
export const peerNow = (libc: Libc, fd: number): PeerProcess | SyscallError => {
  const { scratch } = libc
  scratch.view.setUint32(LENGTH, CREDENTIALS_BYTES, true)
  const result = attempt(
    libc,
    "getsockopt",
    `descriptor ${fd}, SO_PEERCRED`,
    (functions) => functions.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, scratch.at(CREDENTIALS), scratch.at(LENGTH)),
  )
  if (result instanceof SyscallError) return result
  const word = (index: number) => scratch.view.getUint32(CREDENTIALS + 4 * index, true)
  return { pid: word(0), user: word(1), group: word(2) }
}

/** The process at the other end. */
export const peerOf = (fd: number): Effect.Effect<PeerProcess, SyscallError, Libc> =>
  Effect.flatMap(Libc, (libc) => orFail(peerNow(libc, fd)))

/**
 * The descriptor of a connection of the runtime's. It is documented nowhere, so where it isn't there any more a
 * program goes the portable way. The runtime closes it.
 */
export const descriptorOf = (connection: Net.Socket): number | undefined => {
  const { _handle: handle } = connection as { readonly _handle?: { readonly fd?: unknown } | null }
  const fd = handle?.fd
  return typeof fd === "number" && Number.isInteger(fd) && fd >= 0 ? fd : undefined
}

/** Gives a socket to the runtime, as a connection of its own: it reads, writes and closes it from now on. */
export const adopt = (descriptor: Descriptor): Net.Socket => {
  const options = { fd: descriptor.giveAway() }
  // Bun connects what it has made to nothing at all.
  return "Bun" in globalThis
    ? Net.createConnection(options as unknown as Net.NetConnectOpts)
    : new Net.Socket({ ...options, readable: true, writable: true })
}
