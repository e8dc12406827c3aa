/**
 * Modules that are imported while the program runs: those that Node loads, by `node:diagnostics_channel`, and those
 * that Vitest fetches from its main process, by what its `vi.dynamicImportSettled` waits for.
 *
 * @module
 */
import * as Channels from "node:diagnostics_channel"
import { begun, type Look, type Request, RequestSet, type Source } from "./Request.ts"

interface Vitest {
  readonly __vitest_worker__?: { readonly resolvingModules?: unknown }
}

/** The modules that Vitest fetches now, by name. */
const fetched = (): ReadonlySet<unknown> | undefined => {
  // It may be another realm's `Set`.
  const modules = (globalThis as Vitest).__vitest_worker__?.resolvingModules as ReadonlySet<unknown> | undefined
  return modules !== undefined && modules.size > 0 && typeof modules.has === "function" ? modules : undefined
}

/** Imports. */
export class Imports implements Source {
  readonly #imports = new RequestSet()
  readonly #begun = new WeakMap<object, Request>()
  readonly #fetched = new Map<unknown, Request>()

  readonly #onEnd = (message: unknown) => {
    const request = this.#begun.get(message as object)
    if (request !== undefined) this.#imports.delete(request)
  }

  readonly #channels: { readonly [name: string]: (message: unknown) => void } = {
    "tracing:module.import:start": (message) => {
      const request = begun(() => `the import of ${(message as { readonly url?: unknown }).url}`)
      this.#begun.set(message as object, request)
      this.#imports.add(request)
    },
    "tracing:module.import:asyncEnd": this.#onEnd,
    "tracing:module.import:error": this.#onEnd,
  }

  constructor() {
    for (const [name, listener] of Object.entries(this.#channels)) Channels.subscribe(name, listener)
  }

  some(look: Look): boolean {
    return this.#imports.some(look) || this.#someFetched(look)
  }

  #someFetched(look: Look): boolean {
    const modules = fetched()
    if (modules === undefined) {
      if (this.#fetched.size > 0) this.#fetched.clear()
      return false
    }
    for (const name of this.#fetched.keys()) if (!modules.has(name)) this.#fetched.delete(name)
    for (const name of modules) {
      let request = this.#fetched.get(name)
      if (request === undefined) this.#fetched.set(name, request = begun(() => `the import of ${name}`))
      if (look(request, true)) return true
    }
    return false
  }

  isListening(): boolean {
    return false
  }

  stop(): void {
    for (const [name, listener] of Object.entries(this.#channels)) Channels.unsubscribe(name, listener)
  }
}
