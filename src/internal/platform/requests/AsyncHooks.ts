/**
 * Requests of Node's own: `node:async_hooks` tells when one is made, and when its callback is about to run. Deno tells
 * the same of its `node:crypto`.
 *
 * @module
 */
import * as Hooks from "node:async_hooks"
import { denoCore } from "../DenoCore.ts"
import { type Look, type Request, RequestSet, type Source, type State, textOf } from "./Request.ts"

/** What a type of Node's stands for, if it is a request that ends by itself; the types are Node's own words. */
const kindOf = (type: string): string | undefined => {
  switch (type) {
    case "FSREQCALLBACK":
    case "FSREQPROMISE":
    case "FILEHANDLECLOSEREQ":
      return "a file"
    case "GETADDRINFOREQWRAP":
    case "GETNAMEINFOREQWRAP":
    case "QUERYWRAP":
      return "a look-up of a name"
  }
  return undefined
}

/** HASHREQUEST, SIGNREQUEST, PBKDF2REQUEST, …: the jobs of node:crypto and crypto.subtle. */
const isJob = (type: string): boolean => type.endsWith("REQUEST") && type !== "HTTPCLIENTREQUEST"

/**
 * A request that is busy until its callback is about to run. One that the runtime dropped without a callback, since it
 * couldn't even be begun, is over when it is garbage.
 */
class OneCall implements Request {
  readonly type: string
  readonly #kind: string
  readonly #resource: WeakRef<object>

  constructor(type: string, kind: string, resource: object) {
    this.type = type
    this.#kind = kind
    this.#resource = new WeakRef(resource)
  }

  name(): string {
    return `${this.#kind} (${this.type})`
  }

  state(): State {
    return this.#resource.deref() === undefined ? "over" : "busy"
  }
}

/**
 * A job of the thread pool's. Those of `randomBytes` and `pbkdf2Sync` are made as well, and are done at once without a
 * callback: what is under way has one, or is `crypto.subtle`'s and has a promise, which only the call's stack tells.
 */
class Job implements Request {
  readonly #type: string
  readonly #resource: WeakRef<{ readonly ondone?: unknown }> | undefined
  readonly #call: { readonly stack?: unknown } = {}
  #isUnderWay: boolean | undefined

  constructor(type: string, resource: object) {
    this.#type = type
    // Deno only tells of those that have a callback, and by an object that nobody keeps.
    if (denoCore === undefined) this.#resource = new WeakRef(resource)
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 12
    Error.captureStackTrace(this.#call)
    Error.stackTraceLimit = stackTraceLimit
  }

  name(): string {
    return `a hash, a key or a signature (${this.#type})`
  }

  state(): State {
    if (this.#resource === undefined) return "busy"
    const resource = this.#resource.deref()
    if (resource === undefined) return "over"
    this.#isUnderWay ??= typeof resource.ondone === "function" || this.#isSubtle()
    return this.#isUnderWay ? "busy" : "over"
  }

  /** `crypto.randomUUID` and `getRandomValues` are in the module of `crypto.subtle`, too, and done at once. */
  #isSubtle(): boolean {
    const call = textOf(this.#call)
    return /\bjobPromise\b|internal\/crypto\/webcrypto/.test(call) && !/internal\/crypto\/random/.test(call)
  }
}

/** A stream of node:zlib's, which works on one piece at a time. */
class Zlib implements Request {
  readonly #handle: WeakRef<{ readonly buffer?: unknown }>

  constructor(handle: object) {
    this.#handle = new WeakRef(handle)
  }

  name(): string {
    return "compression (ZLIB)"
  }

  state(): State {
    const handle = this.#handle.deref()
    if (handle === undefined) return "over"
    return handle.buffer === undefined || handle.buffer === null ? "idle" : "busy"
  }
}

/** How many requests there may be until those that are over are looked for. */
const PRUNE_AT = 1024

/** Sees them from now on; `onBefore` is told of every callback that is about to run, by the number of its resource. */
export const seeAsyncHooks = (onBefore: (asyncId: number) => void): Source => {
  const underWay = new Map<number, Request>()
  const streams = new RequestSet()
  let pruneAt = PRUNE_AT
  const some = (look: Look): boolean => {
    for (const [asyncId, request] of underWay) {
      const state = request.state()
      if (state === "over") underWay.delete(asyncId)
      else if (look(request, state === "busy")) return true
    }
    return streams.some(look)
  }
  const hook = Hooks.createHook({
    // Promises aren't requests; Node 24 and later needn't tell of each.
    trackPromises: false,
    init: (asyncId, type, _trigger, resource) => {
      const kind = kindOf(type)
      if (kind !== undefined) underWay.set(asyncId, new OneCall(type, kind, resource))
      else if (isJob(type)) underWay.set(asyncId, new Job(type, resource))
      else if (type === "ZLIB") streams.add(new Zlib(resource))
      else return
      if (underWay.size + streams.size < pruneAt) return
      some(() => false)
      pruneAt = Math.max(PRUNE_AT, 2 * (underWay.size + streams.size))
    },
    // The first callback is the only one: what follows from it runs in the same turn of the event loop.
    before: (asyncId) => {
      if (underWay.size > 0) underWay.delete(asyncId)
      onBefore(asyncId)
    },
  } as Hooks.HookCallbacks).enable()
  return {
    some: (look) => underWay.size + streams.size > 0 && some(look),
    isListening: () => false,
    stop: () => hook.disable(),
  }
}
