/**
 * The three runtimes' foreign function interfaces, of which each has another: `Deno.dlopen`, `bun:ffi` and, from
 * Node 26 on, `node:ffi`. Only what is used of them is declared, as none of the three type-checks on the others.
 *
 * @module
 */
import process from "node:process"
import { type Backend, described, type Kind, type RawFunctions, uniform } from "./Functions.ts"

interface DenoFfi {
  readonly version: { readonly deno: string }
  readonly permissions: { querySync(of: { readonly name: "ffi" }): { readonly state: string } }
  dlopen(library: string, symbols: unknown): { readonly symbols: RawFunctions; close(): void }
  readonly UnsafePointer: { create(address: bigint): object | null; value(pointer: object): bigint }
  readonly UnsafePointerView: {
    new (pointer: object): { getInt32(): number }
    getArrayBuffer(pointer: object, bytes: number): ArrayBuffer
  }
}

interface BunFfi {
  dlopen(library: string, symbols: unknown): { readonly symbols: RawFunctions; close(): void }
  readonly read: { i32(address: number, offset: number): number }
  toArrayBuffer(address: number, offset: number, bytes: number): ArrayBuffer
}

interface NodeFfi {
  dlopen(library: string, symbols: unknown): { readonly lib: { close(): void }; readonly functions: RawFunctions }
  getInt32(address: bigint, offset: number): number
  toArrayBuffer(address: bigint, bytes: number, copy: boolean): ArrayBuffer
}

/** What is looked at of the runtime and its machine. */
export interface Host {
  /** `linux`, `darwin`, … */
  readonly platform: string
  /** `x64`, `arm64`, … */
  readonly arch: string
  /** The runtime's name and version, for people. */
  readonly version: string
  /** The runtime's FFI. */
  readonly ffi: Backend | undefined
  /** Why there is none, as the rest of a sentence that begins with {@link version}. */
  readonly lacks: string
  /** Whether the program has the runtime's permission for it; if not, what would give it. */
  readonly permission: string | undefined
}

const deno = (Deno: DenoFfi): Backend => {
  const kinds: { readonly [kind in Kind]: string } = { int: "i32", long: "i64", size: "usize", address: "usize" }
  const pointer = (address: bigint): object => Deno.UnsafePointer.create(address)!
  return {
    runtime: "Deno",
    open: (library) => {
      const symbols = described((result, parameters) => ({
        result: kinds[result],
        parameters: parameters.map((kind) => kinds[kind]),
      }))
      const opened = Deno.dlopen(library, symbols)
      return {
        functions: uniform(opened.symbols),
        intAt: (address) => new Deno.UnsafePointerView(pointer(address)).getInt32(),
        memoryAt: (address, bytes) => Deno.UnsafePointerView.getArrayBuffer(pointer(address), bytes),
        close: () => opened.close(),
      }
    },
  }
}

const bun = (ffi: BunFfi): Backend => {
  // The fast ones take a `number` as well as a `bigint`; as a result, an address must stay exact.
  const parameter: { readonly [kind in Kind]: string } = {
    int: "i32",
    long: "i64_fast",
    size: "u64_fast",
    address: "u64_fast",
  }
  const returned = { ...parameter, size: "u64", address: "u64" }
  return {
    runtime: "Bun",
    open: (library) => {
      const symbols = described((result, parameters) => ({
        returns: returned[result],
        args: parameters.map((kind) => parameter[kind]),
      }))
      const opened = ffi.dlopen(library, symbols)
      return {
        functions: uniform(opened.symbols),
        intAt: (address) => ffi.read.i32(Number(address), 0),
        // Addresses of programs have 47 bits, 52 at most.
        memoryAt: (address, bytes) => ffi.toArrayBuffer(Number(address), 0, bytes),
        close: () => opened.close(),
      }
    },
  }
}

const node = (ffi: NodeFfi): Backend => {
  const kinds: { readonly [kind in Kind]: string } = { int: "int32", long: "int64", size: "uint64", address: "uint64" }
  return {
    runtime: "Node",
    open: (library) => {
      const symbols = described((result, parameters) => ({
        return: kinds[result],
        arguments: parameters.map((kind) => kinds[kind]),
      }))
      const { lib, functions } = ffi.dlopen(library, symbols)
      return {
        functions: uniform(functions),
        intAt: (address) => ffi.getInt32(address, 0),
        memoryAt: (address, bytes) => ffi.toArrayBuffer(address, bytes, false),
        close: () => lib.close(),
      }
    },
  }
}

interface Runtimes {
  readonly Deno?: DenoFfi
  readonly Bun?: { readonly version: string }
}

interface NodeProcess {
  readonly permission?: { has(scope: "ffi"): boolean }
  readonly getBuiltinModule?: (name: string) => unknown
}

/**
 * A module that only one runtime has: an import of it would be looked for by the others, and by type checkers. Deno and
 * Bun list a `node:ffi` that has nothing in it.
 */
const builtin = <A extends object>(name: string, member: keyof A): A | undefined => {
  const found = (process as NodeProcess).getBuiltinModule?.(name) as A | undefined
  return typeof found?.[member] === "function" ? found : undefined
}

/** Suppresses Node's warning that its FFI is experimental: users of this library can do nothing about it. */
const quietly = <A>(load: () => A): A => {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}

/** The runtime that this is, on its machine. */
export const host = (): Host => {
  const { Deno, Bun } = globalThis as unknown as Runtimes
  const { platform, arch } = process
  const machine = { platform, arch, permission: undefined }
  if (Deno !== undefined) {
    const ffi = typeof Deno.dlopen === "function" ? deno(Deno) : undefined
    // Queried first, as Deno would otherwise prompt on a terminal and wait for an answer.
    const granted = Deno.permissions.querySync({ name: "ffi" }).state === "granted"
    const permission = granted ? undefined : "--allow-ffi"
    return { ...machine, version: `Deno ${Deno.version.deno}`, ffi, lacks: "has no Deno.dlopen", permission }
  }
  if (Bun !== undefined) {
    const ffi = builtin<BunFfi>("bun:ffi", "dlopen")
    return { ...machine, version: `Bun ${Bun.version}`, ffi: ffi && bun(ffi), lacks: "has no bun:ffi" }
  }
  const ffi = quietly(() => builtin<NodeFfi>("node:ffi", "dlopen"))
  // An older Node's permissions know of no such scope.
  const granted = ffi === undefined || ((process as NodeProcess).permission?.has("ffi") ?? true)
  return {
    ...machine,
    version: `Node ${process.versions.node}`,
    ffi: ffi && node(ffi),
    lacks: "has no node:ffi, which is there from Node 26 on",
    permission: granted ? undefined : "--allow-ffi",
  }
}
