/**
 * Identifies the process at the other end of a unix socket: its PID, user and command.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import process from "node:process"
import { Libc, orFail } from "./Libc.ts"
import { SyscallError } from "./SyscallError.ts"
import { peerNow, type PeerProcess } from "./UnixSocket.ts"

/** A process that has connected. */
export interface Peer extends PeerProcess {
  /** The user's name, if the system has one for the number. */
  readonly userName: string | undefined
  /**
   * The command that it runs, with its arguments, at most {@link MAX_COMMAND} characters; none if the process can't be
   * looked at, or is gone.
   */
  readonly command: string | undefined
}

/** The most characters of a command that are kept. */
export const MAX_COMMAND = 256

/** A file's text; none if it can't be read. */
const textOf = (path: string): string | undefined => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

/** Replaced by spaces: a command is another program's text, and may contain control characters. */
const UNPRINTABLE = /[\p{C}\p{Z}]+/gu

/** A command's arguments, which end with a 0 each, as one line. */
export const commandLine = (text: string): string | undefined => {
  const line = text.replace(UNPRINTABLE, " ").trim()
  if (line === "") return undefined
  return line.length > MAX_COMMAND ? `${line.slice(0, MAX_COMMAND - 1)}…` : line
}

/** The name of a user in a file as /etc/passwd is. */
export const userNameIn = (passwd: string, user: number): string | undefined => {
  for (const line of passwd.split("\n")) {
    const [name, , id] = line.split(":")
    if (id === String(user)) return name
  }
  return undefined
}

/** The number of a user by name, in a file as /etc/passwd is. */
const userIn = (passwd: string, name: string): number | undefined => {
  for (const line of passwd.split("\n")) {
    const [found, , id = ""] = line.split(":")
    if (found === name && /^\d+$/.test(id)) return Number(id)
  }
  return undefined
}

/** The number of a user of this system's, by name or as it is. */
export const userOf = (user: string): number | undefined =>
  /^\d{1,10}$/.test(user) ? Number(user) : userIn(textOf("/etc/passwd") ?? "", user)

/** The user that this process acts as; none where the system has no such number. */
export const ownUser = (): number | undefined => process.geteuid?.()

/**
 * Identifies the process at the other end of a unix socket. The command is what the process runs now: it may have started another one
 * since it connected, and it is for people only.
 */
export const identify = (fd: number): Effect.Effect<Peer, SyscallError, Libc> =>
  Effect.flatMap(Libc, (libc) => orFail(identifyNow(libc, fd)))

/** The same synchronously, outside of a fiber. */
export const identifyNow = (libc: Libc, fd: number): Peer | SyscallError => {
  const peer = peerNow(libc, fd)
  if (peer instanceof SyscallError) return peer
  const { pid, user } = peer
  // Kernel threads, and processes that are dead, have no arguments, but a name.
  const text = textOf(`/proc/${pid}/cmdline`) || textOf(`/proc/${pid}/comm`)
  const passwd = textOf("/etc/passwd")
  return {
    ...peer,
    userName: passwd === undefined ? undefined : userNameIn(passwd, user),
    command: text === undefined ? undefined : commandLine(text),
  }
}
