/**
 * Requests of Deno's own: its operations, each with a promise that Deno numbers.
 *
 * @module
 */
import { denoCore } from "../DenoCore.ts"
import { type Request, type Source, type State, textOf } from "./Request.ts"

/** What operations are for, by their names. What isn't listed never ends by itself, or not before somebody else acts. */
const KINDS: ReadonlyArray<readonly [names: RegExp, kind: string]> = [
  // A lock may be another fiber's.
  [/flock/, ""],
  [/^op_(?:node_)?fs_(?!events)|^op_node_(?:open|cp|rm|rmdir|mkdtemp|statfs|lutimes|lchown|lchmod)(?:_|$)/, "a file"],
  [/^op_(?:node_getaddrinfo|node_getnameinfo|node_cares|dns_resolve)/, "a look-up of a name"],
  [/^SubtleCrypto\.|^op_crypto_|^op_node_.*_async$/, "a hash, a key or a signature"],
  [/^op_net_connect_|^op_(?:node_)?tls_handshake$|^op_ws_create$|^op_quic_.*(?:connect|handshake)/, "a connection"],
  [/^op_fetch_send$/, "an answer to fetch"],
  [/^op_(?:spawn_wait|run_status)$/, "a child process"],
  [/^op_(?:read|read_all|write|write_all)$/, "a file or a body"],
  [/^op_kv_(?:database_open|snapshot_read|atomic_write)|^op_cache_/, "storage"],
]

const kindOf = (name: string): string => KINDS.find(([names]) => names.test(name))?.[1] ?? ""

/** What isn't seen of operations, but elsewhere. */
export interface Elsewhere {
  /** How many requests servers of this process have taken and not answered yet. */
  readonly serving: () => number
  /** How many child processes others know of. */
  readonly children: () => number
}

/** An operation that isn't over. */
class Op implements Request {
  readonly id: number
  /** The call that began it, as the runtime notes it down: it is made into text only if it is asked for. */
  readonly #call: { readonly stack?: unknown }
  #frames: ReadonlyArray<string> | undefined
  #name: string | undefined
  #kind: string | undefined
  readonly #ops: Ops

  constructor(id: number, call: { readonly stack?: unknown }, ops: Ops) {
    this.id = id
    this.#call = call
    this.#ops = ops
  }

  /** Deno's own bookkeeping, before that the operation, and before that what of Deno's began it. */
  #frame(index: number): string | undefined {
    this.#frames ??= textOf(this.#call).split("\n").filter((line) => /^\s*at /.test(line))
    return this.#frames[index]
  }

  /** Deno's name of it: `op_fs_stat_async`. */
  get op(): string {
    if (this.#name !== undefined) return this.#name
    const call = this.#frame(1) ?? this.#frame(0) ?? ""
    return this.#name = /at (?:async )?(?:Object\.)?([\w.$]+)/.exec(call)?.[1] ?? "an operation"
  }

  /** Whether it reads or writes a file, a stream of the web's, or something else. */
  get via(): "file" | "stream" | "other" {
    const caller = `${this.#frame(2)} ${this.#frame(3)}`
    return /deno_fs\//.test(caller) ? "file" : /deno_web\/\w*streams/.test(caller) ? "stream" : "other"
  }

  get kind(): string {
    return this.#kind ??= kindOf(this.op)
  }

  name(): string {
    return `${this.kind} (${this.op})`
  }

  state(): State {
    return this.#ops.stateOf(this)
  }
}

type Core = Required<Pick<NonNullable<typeof denoCore>, "hasPromise" | "promiseIdSymbol" | "resources">>

/** How many operations there may be until those that are over are looked for. */
const PRUNE_AT = 1024

/** Resources of Deno's that bytes come from whenever somebody else sends them. */
const STREAM = /stream|conn|websocket/i

/** Operations that end when something arrives by a socket. */
const LISTENS = /^op_(?:read|fetch_send|http_|ws_|net_|node_udp_|quic_|webtransport_)/

/**
 * Tells of each promise that gets a number, and of the call that made it. Undo with the result: whoever else listens
 * goes on, whether it came earlier or later.
 */
const onNumbered = (numberOf: symbol, tell: (id: number, call: object) => void): () => void => {
  const before = Object.getOwnPropertyDescriptor(Promise.prototype, numberOf)
  let isOn = true
  const set = function (this: Promise<unknown>, id: number) {
    before?.set?.call(this, id)
    Object.defineProperty(this, numberOf, { value: id, writable: true, enumerable: true, configurable: true })
    if (!isOn) return
    const { stackTraceLimit } = Error
    const call = {}
    Error.stackTraceLimit = 4
    Error.captureStackTrace(call, set)
    Error.stackTraceLimit = stackTraceLimit
    tell(id, call)
  }
  Object.defineProperty(Promise.prototype, numberOf, { configurable: true, set })
  return () => {
    isOn = false
    if (Object.getOwnPropertyDescriptor(Promise.prototype, numberOf)?.set !== set) return
    if (before === undefined) Reflect.deleteProperty(Promise.prototype, numberOf)
    else Object.defineProperty(Promise.prototype, numberOf, before)
  }
}

class Ops implements Source {
  readonly #core: Core
  readonly #elsewhere: Elsewhere
  #ops: Array<Op> = []
  #pruneAt = PRUNE_AT
  readonly #undo: () => void

  constructor(core: Core, elsewhere: Elsewhere) {
    this.#core = core
    this.#elsewhere = elsewhere
    this.#undo = onNumbered(core.promiseIdSymbol, (id, call) => this.#began(id, call))
  }

  #began(id: number, call: object): void {
    this.#ops.push(new Op(id, call, this))
    if (this.#ops.length >= this.#pruneAt) {
      this.#prune()
      this.#pruneAt = Math.max(PRUNE_AT, this.#ops.length * 2)
    }
  }

  #prune(): void {
    this.#ops = this.#ops.filter(({ id }) => this.#core.hasPromise(id))
  }

  some(look: (request: Request, isBusy: boolean) => boolean): boolean {
    if (this.#ops.length === 0) return false
    this.#prune()
    for (const op of this.#ops) if (look(op, this.stateOf(op) === "busy")) return true
    return false
  }

  stateOf(op: Op): State {
    if (!this.#core.hasPromise(op.id)) return "over"
    switch (op.kind) {
      case "":
        return "idle"
      case "an answer to fetch":
        return this.#place(op) < this.#serving() ? "idle" : "busy"
      case "a child process":
        return this.#place(op) < this.#elsewhere.children() ? "idle" : "busy"
      case "a file or a body":
        return this.#isRead(op) ? "busy" : "idle"
      default:
        return "busy"
    }
  }

  /** How many of its kind are older than an operation. */
  #place(op: Op): number {
    let older = 0
    for (const other of this.#ops) {
      if (other === op) break
      if (other.kind === op.kind) older++
    }
    return older
  }

  /** Requests that this process itself has to answer; any number, if it is by `Deno.serve`, which doesn't tell. */
  #serving(): number {
    return this.#ops.some(({ op }) => op === "op_http_wait") ? Infinity : this.#elsewhere.serving()
  }

  /**
   * Which resource is read, an operation doesn't tell, but often who asked for it. What reads by a stream of the web's is
   * taken for an answer's body while one is open that this process itself doesn't owe. All else is taken for that, or for
   * a file, while one is open and no socket.
   */
  #isRead({ via }: Op): boolean {
    if (via === "file") return true
    const names = Object.entries(this.#core.resources()).flatMap(([rid, name]) => Number(rid) > 2 ? [name] : [])
    const hasSocket = names.some((name) => STREAM.test(name))
    const isBody = names.includes("fetchResponse") && this.#serving() === 0
    return isBody && (via === "stream" || !hasSocket) || names.includes("fsFile") && !hasSocket
  }

  isListening(): boolean {
    return this.#ops.some(({ op }) => LISTENS.test(op))
  }

  stop(): void {
    this.#undo()
  }
}

/**
 * Sees Deno's operations from now on; nothing, where Deno has changed.
 *
 * Odd, because Deno has no documented way: its test runner's sanitizer of operations is for itself, and the tracing of
 * leaks has a stack made into text for each operation and each timer, which takes 80 µs. But Deno numbers the promise
 * of each operation that doesn't end at once, by a property with a symbol of its own, and tells whether the promise
 * with a number is still there. The number is learnt by a setter for that symbol.
 */
export const seeDenoOps = (elsewhere: Elsewhere): Source | undefined => {
  const { hasPromise, promiseIdSymbol, resources } = denoCore ?? {}
  if (hasPromise === undefined || promiseIdSymbol === undefined || resources === undefined) return undefined
  return new Ops({ hasPromise, promiseIdSymbol, resources }, elsewhere)
}
