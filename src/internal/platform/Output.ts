/**
 * Standard output and standard error that never block or end the process: not when the reader has gone or doesn't read,
 * the disk is full, or Ctrl-S has stopped the terminal.
 *
 * Runtimes differ: in some a write to a pipe blocks the whole process, in others output is buffered without bound, and a
 * reader that has gone ends the process. So the descriptor is made non-blocking here, and a bounded buffer holds what it
 * doesn't accept at once.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Buffer } from "node:buffer"
import * as Fs from "node:fs"
import * as Net from "node:net"
import process from "node:process"
import * as Tty from "node:tty"
import { later, millis } from "./EventLoop.ts"
import { inRealTime } from "./RealTime.ts"

/** Where a text goes that people or programs read. */
export interface Output {
  /** Takes a text that is to be written in any case, however long that takes. */
  readonly write: (text: string) => void
  /** Takes a text that is dropped, and counted, if more than {@link MOST_WAITING} wait before it. */
  readonly offer: (text: string) => void
  /**
   * As `offer`, but first waits until there is room, as long as somebody reads. A reader that has taken nothing for
   * {@link PATIENCE_MS} isn't waited for again before it reads.
   */
  readonly put: (text: string) => Effect.Effect<void>
  /** Ends when nothing waits any more, or nothing could be written for so many ms of real time. */
  readonly flush: (patienceMs: number) => Effect.Effect<void>
  /** How many texts were dropped. */
  readonly dropped: () => number
  /** Whether all that was taken has been written. */
  readonly isDrained: () => boolean
  readonly isTerminal: boolean
}

/** How many bytes wait at most. */
export const MOST_WAITING: number = 4 << 20

/** How long a reader that reads nothing is waited for. */
export const PATIENCE_MS = 1000

/**
 * The longest write to what may be full: POSIX's PIPE_BUF, up to which a write to a pipe is all or nothing. Of a
 * longer one that was cut short Deno doesn't tell how much was written.
 */
const PIECE = 4096

/** How long after a write that found no room it is tried again: doubled each time. */
const RETRY_MS = { least: 1, most: 50 }

interface Descriptor {
  readonly fd: number
  /** Longer writes than this are made in pieces. */
  readonly piece: number
}

/** Sockets that were made of descriptors: collecting one would close its descriptor. */
const kept: Array<unknown> = []

/** A socket's descriptor can't be opened anew: making a runtime's stream of it has it not block. */
const unblockSocket = (fd: 1 | 2): void => {
  const stream = "Deno" in globalThis
    ? new Net.Socket({ fd, readable: false, writable: true })
    : fd === 1
    ? process.stdout
    : process.stderr
  // Who writes hears of errors.
  stream.on("error", () => {})
  kept.push(stream)
}

/** The descriptor, so that a write to it doesn't block; nothing if there is none. */
const unblocked = (fd: 1 | 2): Descriptor | undefined => {
  try {
    const stat = Fs.fstatSync(fd)
    if (stat.isFile()) return { fd, piece: Infinity }
    if (stat.isSocket()) {
      unblockSocket(fd)
      return { fd, piece: PIECE }
    }
  } catch {
    return undefined
  }
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = Fs.constants
  try {
    // Opened anew, since O_NONBLOCK is shared with all who were given the same descriptor: the shell, for example.
    return { fd: Fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY), piece: PIECE }
  } catch {
    // Not on this system, or a terminal of another user's: there a write may block.
    return { fd, piece: PIECE }
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

interface Text {
  readonly bytes: Uint8Array
  written: number
}

/**
 * Opens standard output (1) or standard error (2). `notice` makes the text that says how many were dropped: it is
 * written when there is room again.
 */
export const open = (fd: 1 | 2, notice: (dropped: number) => string): Output => {
  const descriptor = unblocked(fd)
  const texts: Array<Text> = []
  let head = 0
  let waiting = 0
  let dropped = 0
  let unsaid = 0
  let progressMs = 0
  let triedMs = 0
  let retryMs = RETRY_MS.least
  let retries = false

  const drop = (count: number) => {
    dropped += count
    unsaid += count
  }
  const forget = () => {
    texts.length = head = waiting = 0
  }
  /** Writes a piece of a text. What was written of it isn't written again. */
  const writeSome = (text: Text, { fd, piece }: Descriptor): void => {
    const length = Math.min(piece, text.bytes.length - text.written)
    const count = Fs.writeSync(fd, text.bytes, text.written, length)
    text.written += count
    waiting -= count
    progressMs = millis()
    retryMs = RETRY_MS.least
  }
  const push = (): void => {
    while (head < texts.length) {
      const text = texts[head]!
      try {
        if (text.written < text.bytes.length) writeSome(text, descriptor!)
        if (text.written === text.bytes.length) head++
      } catch (error) {
        const code = codeOf(error)
        if (code === "EINTR") continue
        if (code === "EAGAIN" || code === "EWOULDBLOCK") return retryLater()
        // Gone, or full: the next text is tried again.
        drop(texts.length - head)
        return forget()
      }
    }
    forget()
    if (unsaid === 0) return
    const text = notice(unsaid)
    unsaid = 0
    take(text)
  }
  const retryLater = () => {
    triedMs = millis()
    if (head > 0) texts.splice(0, head)
    head = 0
    if (retries) return
    retries = true
    later(retryMs, () => {
      retries = false
      retryMs = Math.min(RETRY_MS.most, 2 * retryMs)
      push()
    })
  }
  const take = (text: string): void => {
    if (descriptor === undefined) return drop(1)
    const bytes = Buffer.from(text)
    if (waiting === 0) progressMs = millis()
    texts.push({ bytes, written: 0 })
    waiting += bytes.length
    if (texts.length - head === 1 || millis() - triedMs >= RETRY_MS.least) push()
  }
  const isFull = () => waiting >= MOST_WAITING
  const offer = (text: string): void => isFull() ? drop(1) : take(text)
  const isPatient = (patienceMs: number) => millis() - progressMs < patienceMs
  const waitWhile = (holds: () => boolean): Effect.Effect<void> =>
    inRealTime(Effect.whileLoop({
      while: holds,
      body: () => Effect.sleep(RETRY_MS.least),
      step: () => {},
    }))
  return {
    write: take,
    offer,
    put: (text) =>
      Effect.suspend(() => {
        if (!isFull()) return Effect.sync(() => offer(text))
        return Effect.andThen(
          waitWhile(() => isFull() && isPatient(PATIENCE_MS)),
          Effect.sync(() => offer(text)),
        )
      }),
    flush: (patienceMs) => waitWhile(() => waiting > 0 && isPatient(patienceMs)),
    dropped: () => dropped,
    isDrained: () => waiting === 0,
    isTerminal: Tty.isatty(fd),
  }
}
