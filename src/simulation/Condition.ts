/**
 * Several operations as one: the first of them, or all of them.
 *
 * Whatever they come to is decided at one instant, with all that follows for the others:
 *
 * - `any`: the first that is decided. The others are withdrawn before they can be, so that nothing is taken that nobody
 *   has: who waited in a line has left it. If the first has failed (somebody reneged), so does `any`.
 * - `all`: each takes what it can when it can. If one fails, or the process is interrupted, those that still wait are
 *   withdrawn, and what others have got is given back: units of resources, amounts, items. What was put into a container
 *   or a store stays there.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Condition, Guest, Process, Store, World } from "guest-clock/simulation"
 *
 * const stop = Guest.make("stop", Effect.gen(function*() {
 *   const buses = yield* Store.make<number>("buses")
 *   yield* Process.spawn("line 7", Effect.andThen(Process.hold("4 minutes"), buses.put(7)))
 *   const first = yield* Condition.any({ bus: buses.get(), tired: Process.hold("10 minutes") })
 *   console.log(first) // { key: "bus", value: 7 }
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [stop] })))
 * ```
 *
 * @module
 */
import * as Exit from "effect/Exit"
import { OptionError } from "../core/Fault.ts"
import * as Operation from "../internal/simulation/Operation.ts"

/**
 * Operations by name.
 *
 * @since 0.1.0
 * @category models
 */
export type Operations = { readonly [name: string]: Operation.Operation<unknown, unknown> }

type Value<O> = O extends Operation.Operation<infer A, infer _> ? A : never
type Error<O> = O extends Operation.Operation<infer _, infer E> ? E : never

/**
 * Which of several it was, and what it came to.
 *
 * @since 0.1.0
 * @category models
 */
export type First<O extends Operations> = { [K in keyof O]: { readonly key: K; readonly value: Value<O[K]> } }[keyof O]

/**
 * The results of all operations, by name.
 *
 * @since 0.1.0
 * @category models
 */
export type Every<O extends Operations> = { readonly [K in keyof O]: Value<O[K]> }

/** One of several, once it has begun. */
interface Part {
  readonly key: string
  begun: Operation.Begun | undefined
  exit: Exit.Exit<unknown, unknown> | undefined
}

/** Checks operations, and returns what is wrong. */
const badIn = (what: string, operations: Operations): OptionError | undefined => {
  const given: unknown = operations
  if (typeof given !== "object" || given === null || Object.keys(given).length === 0) {
    return new OptionError(`the operations of ${what}`, given, "it is an object with 1 operation or more, by name")
  }
  for (const [name, operation] of Object.entries(given)) {
    if (Operation.isOperation(operation)) continue
    const allowed = "it is an operation: a hold, a request, a put or get, a join, or a condition of such"
    return new OptionError(`the operation ${JSON.stringify(name)} of ${what}`, operation, allowed)
  }
  return undefined
}

const named = (what: string, operations: Operations): string =>
  `${what} of (${Object.values(operations ?? {}).map((each) => each?.what).join(", ")})`

/** Takes a part back: its place in the line, or what it has got. */
const takeBack = ({ begun, exit }: Part): void => {
  if (exit === undefined) begun?.withdraw()
  else if (Exit.isSuccess(exit)) begun?.undo()
}

/** Those that came last leave a line first, so that none is served because another has left. */
const takeAllBack = (parts: ReadonlyArray<Part>): void => [...parts].reverse().forEach(takeBack)

/**
 * The first of these operations that is decided, with its name; of several that can be had at once, the first that is
 * listed: those behind it aren't begun. Of what can't be an operation, an `OptionError`.
 *
 * **When to use**
 *
 * Use it for a wait with a time limit, or for whichever of several comes first.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Condition, Guest, Process, Store, World } from "guest-clock/simulation"
 *
 * const stop = Guest.make("stop", Effect.gen(function*() {
 *   const buses = yield* Store.make<number>("buses")
 *   const first = yield* Condition.any({ bus: buses.get(), tired: Process.hold("10 minutes") })
 *   console.log(first.key) // tired
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [stop] })))
 * ```
 *
 * @since 0.1.0
 * @category operations
 */
export const any = <O extends Operations>(
  operations: O,
): Operation.Operation<First<O>, Error<O[keyof O]> | OptionError> =>
  Operation.make(named("any", operations), (place, decide) => {
    const bad = badIn("Condition.any", operations)
    if (bad !== undefined) {
      decide(Exit.fail(bad))
      return Operation.nothing
    }
    const parts: Array<Part> = []
    let first: Part | undefined
    for (const [key, operation] of Object.entries(operations)) {
      const part: Part = { key, begun: undefined, exit: undefined }
      parts.push(part)
      part.begun = operation.begin(place, (exit) => {
        if (first !== undefined) return
        first = part
        takeAllBack(parts.filter((other) => other !== part))
        decide(Exit.map(exit, (value) => ({ key, value })) as Exit.Exit<First<O>, Error<O[keyof O]>>)
      })
      if (first !== undefined) break
    }
    return {
      withdraw: () => {
        if (first !== undefined) return
        first = parts[0]
        takeAllBack(parts)
      },
      undo: () => first?.begun?.undo(),
    }
  })

/**
 * All of these operations: what each came to, by its name. It fails as soon as one does. Of what can't be an operation,
 * an `OptionError`.
 *
 * **When to use**
 *
 * Use it to wait for several things at once, as a table and a waiter.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Condition, Guest, Process, Store, World } from "guest-clock/simulation"
 *
 * const cafe = Guest.make("cafe", Effect.gen(function*() {
 *   const cups = yield* Store.make<string>("cups")
 *   yield* Process.spawn("dishwasher", Effect.andThen(Process.hold("2 minutes"), cups.put("a cup")))
 *   const { cup } = yield* Condition.all({ cup: cups.get(), coffee: Process.hold("1 minute") })
 *   console.log(cup) // a cup
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [cafe] })))
 * ```
 *
 * @since 0.1.0
 * @category operations
 */
export const all = <O extends Operations>(
  operations: O,
): Operation.Operation<Every<O>, Error<O[keyof O]> | OptionError> =>
  Operation.make(named("all", operations), (place, decide) => {
    const bad = badIn("Condition.all", operations)
    if (bad !== undefined) {
      decide(Exit.fail(bad))
      return Operation.nothing
    }
    const parts: Array<Part> = []
    const entries = Object.entries(operations)
    let isOver = false
    const end = () => {
      isOver = true
      takeAllBack(parts)
    }
    const settle = (part: Part, exit: Exit.Exit<unknown, unknown>) => {
      if (isOver || part.exit !== undefined) return
      part.exit = exit
      if (Exit.isFailure(exit)) {
        end()
        return decide(exit as Exit.Exit<never, Error<O[keyof O]>>)
      }
      if (parts.length < entries.length || parts.some(({ exit }) => exit === undefined)) return
      isOver = true
      const values = parts.map(({ key, exit }) => [key, Exit.isSuccess(exit!) ? exit.value : undefined] as const)
      decide(Exit.succeed(Object.fromEntries(values) as Every<O>))
    }
    for (const [key, operation] of entries) {
      const part: Part = { key, begun: undefined, exit: undefined }
      parts.push(part)
      part.begun = operation.begin(place, (exit) => settle(part, exit))
      if (isOver) break
    }
    return { withdraw: () => !isOver && end(), undo: () => takeAllBack(parts) }
  })
