/**
 * A calendar's state during a transition: a private copy that may be changed, and the commands so far.
 *
 * @module
 */
import { type Calendar, type Client, type ClientKey, type Command, copyOf, type Turn } from "./CalendarState.ts"
import { invariant } from "../../core/Fault.ts"
import * as IntMap from "./IntMap.ts"
import { append } from "./List.ts"

/** A calendar under change. */
export interface Draft {
  state: { -readonly [Key in keyof Calendar]: Calendar[Key] }
  commands: Array<Command>
  /** The client that asks by a call, and is answered at once. */
  readonly asker: ClientKey | undefined
  answer: bigint | undefined
  /** The answer has to wait. */
  isLater: boolean
}

/** A draft of a calendar that `asker` asks something, if anybody does. */
export const draftOf = (calendar: Calendar, asker?: ClientKey): Draft => ({
  state: copyOf(calendar),
  commands: [],
  asker,
  answer: undefined,
  isLater: false,
})

/** Has something done: hardly ever more than three things, but a broadcast to many. */
export const ask = (draft: Draft, command: Command): void => {
  if (draft.commands.length < 3) draft.commands = append(draft.commands, command)
  else draft.commands.push(command)
}

/** A client that is there. */
export const clientOf = (draft: Draft, key: ClientKey): Client => {
  const client = IntMap.get(draft.state.clients, key)
  invariant(client !== undefined, "a client that left is not asked for")
  return client
}

/** Changes something about a client. */
export const change = (draft: Draft, key: ClientKey, changes: Partial<Client>): void => {
  put(draft, key, { ...clientOf(draft, key), ...changes })
}

/** Has a client be another. */
export const put = (draft: Draft, key: ClientKey, client: Client): void => {
  draft.state.clients = IntMap.change(draft.state.clients, key, client)
}

/** The turn, if it is this client's. */
export const turnOf = (draft: Draft, key: ClientKey): Turn | undefined =>
  draft.state.turn?.client === key ? draft.state.turn : undefined
