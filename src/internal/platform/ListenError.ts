/**
 * The error of a server that can't listen.
 *
 * @module
 */
import { Tagged } from "../core/Tagged.ts"

/**
 * A path that a server can't listen on.
 *
 * @since 0.1.0
 * @category errors
 */
export class ListenError extends Tagged<"ListenError"> {
  readonly path: string
  /** Why: it can't be a socket's path, another server listens there, it is another kind of file, or the system refuses. */
  readonly reason: "BadPath" | "InUse" | "NotASocket" | "Refused"
  constructor(path: string, reason: ListenError["reason"], why: string, options?: ErrorOptions) {
    super("ListenError", `can't listen on ${JSON.stringify(path)}: ${why}`, options)
    this.path = path
    this.reason = reason
  }
}
