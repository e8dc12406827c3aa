/**
 * What a guest's network card plugs into: a cable, or a network.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"
import type * as Link from "../../simulation/Link.ts"
import { type Port, Self } from "./Self.ts"

/** A network, with a cable for each of its hosts, whose first end the host is; or one cable. */
export type Connection =
  | { readonly name: string; readonly links: ReadonlyArray<Link.Link<Uint8Array>> }
  | Link.Link<Uint8Array>

/** This guest's end. A guest that isn't connected gets an `OptionError`. */
export const open = (connection: Connection): Effect.Effect<Port<Uint8Array>, OptionError, Self> =>
  Effect.flatMap(Self, (self) => {
    if ("options" in connection) return self.open(connection)
    const link = connection.links.find(({ options: { ends: [host] } }) => host === self.name)
    if (link !== undefined) return self.open(link)
    const hosts = connection.links.map(({ options: { ends } }) => ends[0])
    return Effect.fail(new OptionError("network", connection.name, `it connects ${hosts.join(", ")}`))
  })
