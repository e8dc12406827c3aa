/**
 * Requests of Bun's own: what Bun protects from its garbage collector, since native code is to call it back.
 *
 * @module
 */
import type { Look, Request, Source, State } from "./Request.ts"

/** As much of a server of Bun's as is looked at. */
interface Server {
  readonly pendingRequests: number
}

/** As much of a child process of Bun's as is looked at. */
interface Subprocess {
  readonly exitCode: number | null
  readonly signalCode: string | null
  /** There is a channel to it for messages: it serves this process, and ends when it is told to. */
  readonly connected?: boolean
}

/** What a protected object is, if it is there until a request ends. */
const kindOf = (root: object): string | undefined => {
  if (typeof root === "function") return "a callback"
  if (root instanceof Promise) return "a promise"
  const tag = (root as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
  if (tag === "Subprocess") return "a child process"
  return typeof tag === "string" && /^Native(?:Zlib|Brotli|Zstd)$/.test(tag) ? "compression" : undefined
}

/** What reads a file, a pipe or a child's output bit by bit, and always has a promise of the next. */
const isReader = (root: object): boolean =>
  String((root as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]).endsWith("ReadableStreamSource")

const isServer = (root: object): root is Server => "pendingRequests" in root

class Root implements Request {
  readonly #kind: string
  readonly #root: WeakRef<object>

  constructor(kind: string, root: object) {
    this.#kind = kind
    this.#root = new WeakRef(root)
  }

  name(): string {
    const root = this.#root.deref()
    return `${this.#kind} of Bun's${typeof root === "function" && root.name !== "" ? ` (${root.name})` : ""}`
  }

  state(): State {
    if (this.#kind !== "a child process") return "busy"
    const child = this.#root.deref() as Subprocess | undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return "over"
    return child.connected === true ? "idle" : "busy"
  }
}

/** What is protected now. */
type Protected = () => ReadonlyArray<unknown>

/** A server of `Bun.serve`'s, or of `node:http`: that has a promise of its own, and one for each request. */
interface KnownServer {
  readonly server: Server
  readonly isNodes: boolean
}

/** What a protected object is; `old` is a promise that was there before. */
type Known = Root | KnownServer | "reader" | "old" | "ignored"

const isObject = (root: unknown): root is object =>
  typeof root === "object" && root !== null || typeof root === "function"

/** Roots of Bun's garbage collector. */
export class BunRoots implements Source {
  readonly #protected: Protected
  readonly #known = new WeakMap<object, Known>()

  constructor(protects: Protected) {
    this.#protected = protects
    // What is there already is nobody's that looks from now on.
    for (const root of protects()) {
      if (!isObject(root)) continue
      const known = this.#learn(root, false)
      if (known instanceof Root) this.#known.set(root, root instanceof Promise ? "old" : "ignored")
    }
  }

  #learn(root: object, isNodes: boolean): Known {
    const kind = kindOf(root)
    const known = kind !== undefined
      ? new Root(kind, root)
      : isServer(root)
      ? { server: root, isNodes }
      : isReader(root)
      ? "reader"
      : "ignored"
    this.#known.set(root, known)
    return known
  }

  /** How many requests servers have taken and not answered. */
  serving(): number {
    let pending = 0
    for (const root of this.#protected()) if (isObject(root) && isServer(root)) pending += root.pendingRequests
    return pending
  }

  some(look: Look): boolean {
    const promises: Array<Root> = []
    /** Promises that weren't there before, and servers. */
    let fresh: Array<object> | undefined
    let servers: Array<object> | undefined
    /** How many promises are this process's own to keep, and readers', and from before. */
    let own = 0
    let readers = 0
    let old = 0
    for (const root of this.#protected()) {
      if (!isObject(root)) continue
      let known = this.#known.get(root)
      if (known === undefined) {
        if (isServer(root)) {
          ;(servers ??= []).push(root)
          continue
        }
        known = this.#learn(root, false)
        if (root instanceof Promise) (fresh ??= []).push(root)
      }
      if (known === "ignored") continue
      if (known === "reader") readers++
      else if (known === "old") old++
      else if (known instanceof Root) {
        if (root instanceof Promise) promises.push(known)
        else {
          const state = known.state()
          if (state !== "over" && look(known, state === "busy")) return true
        }
      } else own += known.server.pendingRequests * (known.isNodes ? 2 : 1)
    }
    for (const server of servers ?? []) {
      // A server of node:http's begins with a promise, which lasts as long as itself.
      const promise = fresh?.shift()
      if (promise !== undefined) {
        promises.splice(promises.indexOf(this.#known.get(promise) as Root), 1)
        this.#known.set(promise, "ignored")
      }
      this.#learn(server, promise !== undefined)
    }
    // One of the old ones is the main module's.
    own += Math.max(0, readers - Math.max(0, old - 1))
    // Which promise is whose can't be seen: the first ones are.
    for (let i = 0; i < promises.length; i++) if (look(promises[i]!, i >= own)) return true
    return false
  }

  isListening(): boolean {
    return false
  }

  stop(): void {}
}

interface Runtimes {
  readonly Bun?: { readonly peek?: { readonly status?: (promise: unknown) => string } }
  readonly process?: {
    readonly getBuiltinModule?: (name: string) => { readonly getProtectedObjects?: Protected } | undefined
  }
  readonly SubtleCrypto?: { readonly prototype: object }
}

/** Sees Bun's requests from now on; nothing on other runtimes. */
export const seeBunRoots = (): BunRoots | undefined => {
  const protects = (globalThis as Runtimes).process?.getBuiltinModule?.("bun:jsc")?.getProtectedObjects
  return protects && new BunRoots(protects)
}

/**
 * Sees what `crypto.subtle` does on Bun.
 *
 * Odd, because its methods are wrapped as long as somebody looks: Bun shows its promises in no other way. What they
 * return stays the same object.
 */
export const seeBunCrypto = (): Source | undefined => {
  const { Bun, SubtleCrypto } = globalThis as Runtimes
  const status = Bun?.peek?.status
  const methods = SubtleCrypto?.prototype
  if (status === undefined || methods === undefined) return undefined
  const promises = new Map<Promise<unknown>, Request>()
  const undo: Array<() => void> = []
  let isOn = true
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(methods))) {
    const { value: method } = descriptor
    if (typeof method !== "function" || name === "constructor" || descriptor.configurable !== true) continue
    const request: Request = { name: () => `a hash, a key or a signature (${name})`, state: () => "busy" }
    const seen = {
      [name](this: unknown, ...args: ReadonlyArray<unknown>): unknown {
        const promise = method.apply(this, args)
        if (isOn && promise instanceof Promise && status(promise) === "pending") promises.set(promise, { ...request })
        return promise
      },
    }[name]!
    Object.defineProperty(seen, "length", { value: method.length, configurable: true })
    Object.defineProperty(methods, name, { ...descriptor, value: seen })
    undo.push(() => {
      // Not, if somebody else has wrapped it since.
      if (Reflect.get(methods, name) === seen) Object.defineProperty(methods, name, descriptor)
    })
  }
  return {
    some: (look) => {
      for (const [promise, request] of promises) {
        if (status(promise) !== "pending") promises.delete(promise)
        else if (look(request, true)) return true
      }
      return false
    },
    isListening: () => false,
    stop: () => {
      isOn = false
      promises.clear()
      for (const each of undo) each()
    },
  }
}
