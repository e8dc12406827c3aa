/**
 * The functions of libc that are called, and what a runtime's foreign function interface (FFI) has to do for them.
 *
 * A descriptor or a flag is an `int`; lengths and addresses are 64 bits on all machines that are supported, and are
 * given as `bigint`, since one of the runtimes takes nothing else.
 *
 * @module
 */

/** How a parameter or a result is passed: 32 bits with a sign, 64 bits without, 64 bits with one, an address. */
export type Kind = "int" | "size" | "long" | "address"

/** A function's result, then its parameters. */
export type Signature = readonly [result: Kind, ...parameters: ReadonlyArray<Kind>]

/**
 * All of them, in every glibc from 2.27 on. What a later one has a function for goes through `syscall`: a library that
 * lacks one function can't be opened at all. The variadic ones (`fcntl`, `open`, `syscall`) are called with as many parameters
 * as are listed here: Linux passes those the same way as others, on x86-64 and on arm64.
 */
export const signatures = {
  __errno_location: ["address"],
  accept4: ["int", "int", "address", "address", "int"],
  bind: ["int", "int", "address", "int"],
  close: ["int", "int"],
  connect: ["int", "int", "address", "int"],
  fcntl: ["int", "int", "int", "long"],
  ftruncate: ["int", "int", "long"],
  getpid: ["int"],
  getsockopt: ["int", "int", "int", "int", "address", "address"],
  listen: ["int", "int", "int"],
  lseek: ["long", "int", "long", "int"],
  memfd_create: ["int", "address", "int"],
  mmap: ["address", "address", "size", "int", "int", "int", "long"],
  munmap: ["int", "address", "size"],
  open: ["int", "address", "int"],
  poll: ["int", "address", "size", "int"],
  pread: ["long", "int", "address", "size", "long"],
  pwrite: ["long", "int", "address", "size", "long"],
  recvmsg: ["long", "int", "address", "int"],
  sendmsg: ["long", "int", "address", "int"],
  socket: ["int", "int", "int", "int"],
  socketpair: ["int", "int", "int", "int", "address"],
  syscall: ["long", "long", "long", "long"],
} as const satisfies { readonly [name: string]: Signature }

/** The name of one of them. */
export type Name = keyof typeof signatures

type Parameter<K extends Kind> = K extends "int" ? number : bigint
type Result<K extends Kind> = K extends "address" | "size" ? bigint : number
type Given<K extends ReadonlyArray<Kind>> = { -readonly [I in keyof K]: Parameter<K[I]> }

/** A function with this signature. A `long` as a result is a `number`: lengths and descriptors are small. */
export type Foreign<S extends Signature> = S extends
  readonly [infer R extends Kind, ...infer P extends ReadonlyArray<Kind>] ? (...parameters: Given<P>) => Result<R>
  : never

/** libc's functions, to be called. */
export type Functions = { readonly [name in Name]: Foreign<typeof signatures[name]> }

/** libc, opened by one of the runtimes. */
export interface Library {
  readonly functions: Functions
  /** Reads the `int` at an address: `errno`. */
  readonly intAt: (address: bigint) => number
  /** The memory at an address itself, not a copy of it. The buffer has to be detached before that memory is unmapped. */
  readonly memoryAt: (address: bigint, bytes: number) => ArrayBuffer
  /** No function may be called afterwards. */
  readonly close: () => void
}

/** One of the runtimes' FFI. It throws what the runtime does where the library can't be opened. */
export interface Backend {
  readonly runtime: "Deno" | "Bun" | "Node"
  readonly open: (library: string) => Library
}

/** A function as a runtime gives it, with a result of the runtime's own. */
type Raw = (...parameters: ReadonlyArray<number | bigint>) => unknown

/** libc's functions as a runtime gives them. */
export type RawFunctions = { readonly [name in Name]: Raw }

const results: { readonly [kind in Kind]: (value: unknown) => number | bigint } = {
  int: (value) => Number(value),
  long: (value) => Number(value),
  size: (value) => BigInt.asUintN(64, BigInt(value as number | bigint)),
  address: (value) => BigInt.asUintN(64, BigInt(value as number | bigint)),
}

/** Runtimes return 64 bits as a `number` or as a `bigint`, with a sign or without: here they are always the same. */
export const uniform = (raw: RawFunctions): Functions =>
  Object.fromEntries(
    Object.entries(signatures).map(([name, [kind]]) => {
      const call = raw[name as Name]
      const result = results[kind]
      return [name, (...parameters: ReadonlyArray<number | bigint>) => result(call(...parameters))]
    }),
  ) as unknown as Functions

/** The signatures as a runtime wants them. */
export const described = <A>(describe: (result: Kind, parameters: ReadonlyArray<Kind>) => A): Record<Name, A> =>
  Object.fromEntries(
    Object.entries(signatures).map(([name, [result, ...parameters]]) => [name, describe(result, parameters)]),
  ) as Record<Name, A>
