/**
 * The process of the attackers. Each line of its input is an attack to be made; its
 * output says how it goes. It ends with its input, whoever started it and however
 * that one ended.
 *
 * @module
 */
import process from "node:process"
import * as Readline from "node:readline"
import type { Door } from "../support/doors.ts"
import { random } from "../support/random.ts"
import { attacks, type Counts, type Name, none } from "./attacks.ts"

/** What it is told: to attack, or that those who stay may go. */
export type Order =
  | {
    readonly _tag: "Attack"
    readonly name: Name
    readonly seed: number
    readonly doors: ReadonlyArray<Door>
    readonly tooMany: number
  }
  | { readonly _tag: "Go" }

/** What it tells. */
export type News =
  | { readonly _tag: "Phase"; readonly phase?: string }
  /** All of them are half-closed, and stay. */
  | { readonly _tag: "Staying" }
  /** The client with this ID holds the turn until it is dropped. */
  | { readonly _tag: "Drop"; readonly id: string }
  | { readonly _tag: "Done"; readonly name: Name; readonly counts: Counts; readonly failure?: string }

if (import.meta.main) {
  const tell = (news: News) => process.stdout.write(`${JSON.stringify(news)}\n`)
  let go = () => {}
  const attack = async ({ name, seed, doors, tooMany }: Extract<Order, { readonly _tag: "Attack" }>) => {
    const counts = none()
    const stay = () => {
      tell({ _tag: "Staying" })
      return new Promise<void>((resolve) => go = resolve)
    }
    const phase = (phase?: string) => tell({ _tag: "Phase", ...phase !== undefined && { phase } })
    const drop = (id: bigint) => tell({ _tag: "Drop", id: String(id) })
    try {
      await attacks[name]({ dice: random(seed), doors, counts, phase, stay, drop, tooMany })
      tell({ _tag: "Done", name, counts })
    } catch (error) {
      tell({ _tag: "Done", name, counts, failure: String(error) })
    }
  }
  Readline.createInterface(process.stdin).on("line", (line) => {
    const order = JSON.parse(line) as Order
    if (order._tag === "Go") go()
    else void attack(order)
  }).on("close", () => process.exit(0))
}
