/**
 * A world whose first guest's process says other things to the hub than it means to, as
 * one would that is broken: by the name under which it finds its world.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Socket } from "node:net"
import process from "node:process"
import { Guest, Link, World } from "../../../src/simulation.ts"

const wire = Link.make("wire", { ends: ["ann", "bob"], message: Schema.Number, latency: "1 millis" })

const world = World.make({
  guests: [
    Guest.make(
      "ann",
      Effect.gen(function* () {
        const port = yield* Link.open(wire)
        yield* Effect.sleep("1 millis")
        yield* port.send(5)
        yield* Effect.sleep("1 second")
      }),
    ),
    Guest.make("bob", Effect.andThen(Link.open(wire), Effect.sleep("1 second"))),
  ],
  links: [wire],
})

/** What becomes of what ann says to the hub. */
const LIES: { readonly [name: string]: (text: string) => string } = {
  nonsense: (text) => text.replace(/\{"_tag":"Send".*\n/, "}{\n"),
  anotherKind: (text) => text.replace('"_tag":"Send"', '"_tag":"Sing"'),
  badMessage: (text) => text.replace('"message":5', '"message":{"n":5}'),
  noSuchLink: (text) => text.replace('"link":"wire"', '"link":"rope"'),
  noSuchGuest: (text) => text.replace('"to":"bob"', '"to":"eve"'),
  cutOff: (text) => {
    if (!text.includes('"_tag":"Send"')) return text
    setTimeout(() => process.kill(process.pid, "SIGKILL"), 200)
    return text.slice(0, 20)
  },
  silent: (text) => text.includes('"_tag":"Send"') ? "" : text,
}

const [, name, , exported] = process.argv.slice(2)
const lie = name === "ann" ? LIES[exported ?? ""] : undefined
if (lie !== undefined) {
  const { write } = Socket.prototype
  Socket.prototype.write = function (this: Socket, chunk: unknown, ...rest: ReadonlyArray<unknown>) {
    const text = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk as Uint8Array)
    const said = text.startsWith('{"_tag"') ? new TextEncoder().encode(lie(text)) : chunk
    return Reflect.apply(write, this, [said, ...rest])
  } as typeof write
}

export const nonsense: World.World = world
export const anotherKind: World.World = world
export const badMessage: World.World = world
export const noSuchLink: World.World = world
export const noSuchGuest: World.World = world
export const cutOff: World.World = world
export const silent: World.World = world
