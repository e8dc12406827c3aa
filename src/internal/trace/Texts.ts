/**
 * Commands and steps as short texts, in which events and advances go by numbers:
 * `Deliver e5 timer`, `Resume Settle a2 busy on`.
 *
 * @module
 */
import { Tagged } from "../core/Tagged.ts"
import type { Breach } from "../../core/Breach.ts"
import type * as Calendar from "../../core/Calendar.ts"
import type { Advance, Command, Event, OnStack, Pending, Step } from "../../core/Command.ts"
import { timerEvent } from "../../core/Guest.ts"
import * as Message from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"

/** Gives numbers to things in the order in which they are first seen. */
export interface Numbers {
  readonly event: (event: Event) => number
  readonly advance: (mine: OnStack) => number
}

/** Finds things by their numbers. */
export interface Numbered {
  readonly event: (number: number) => Event | undefined
  readonly advance: (number: number) => OnStack | undefined
}

const pendingText = (pending: Pending, numbers: Numbers): string => {
  switch (pending._tag) {
    case "Timer":
      return "timer"
    case "OnStack":
      return `a${numbers.advance(pending)}`
    default:
      return `e${numbers.event(pending)}`
  }
}

const advanceText = ({ mine, idle }: Advance, numbers: Numbers): string =>
  `a${numbers.advance(mine)} ${idle ? "idle" : "busy"}`

/** Where the core goes on, as text. */
export const stepText = (step: Step, numbers: Numbers): string => {
  switch (step._tag) {
    case "Skip":
    case "Rearm":
    case "Booted":
    case "Propagated":
      return step._tag
    case "Told":
      return `Told ${step.time}`
    case "Program":
      return `Program ${step.periodic ? "every" : "once"} ${step.interval}`
    case "Delay":
      return `Delay ${step.duration}`
    case "Round":
      return `Round ${advanceText(step.advance, numbers)}`
    case "Wait":
      return `Wait ${advanceText(step.advance, numbers)} ${pendingText(step.event, numbers)}`
    case "Arrive":
      return `Arrive ${advanceText(step.advance, numbers)} ${pendingText(step.event, numbers)} ${
        step.waited ? "waited" : "free"
      }`
    case "Settle":
      return `Settle ${advanceText(step.advance, numbers)} ${step.finished ? "done" : "on"}`
    case "Enter":
      return `Enter ${pendingText(step.event, numbers)} ${step.delay}`
  }
}

/** What a guest is to do, as text. */
export const commandText = (command: Command, numbers: Numbers): string => {
  switch (command._tag) {
    case "Resume":
      return `Resume ${stepText(command.step, numbers)}`
    case "Deliver":
      return `Deliver e${numbers.event(command.event)} ${command.event.name}`
    case "Tick":
      return command.relay ? "Tick relay" : "Tick"
    case "Exchange":
      return `Exchange ${Message.nameOf(command.op)} ${command.time}`
    case "Write":
      return `Write ${Message.format(command.message)}`
    case "AwaitHost":
      return `AwaitHost ${command.until}`
    case "ArmHostTimerOnce":
      return `ArmHostTimerOnce ${command.delay}`
    case "ArmHostTimerEvery":
      return `ArmHostTimerEvery ${command.interval}`
    case "Warn":
      return `Warn ${command.warning._tag}`
    case "AwaitRun":
    case "Mask":
    case "Unmask":
    case "DisarmHostTimer":
      return command._tag
  }
}

/** What a calendar's server is to do, as text. */
export const calendarCommandText = (command: Calendar.Command): string => {
  switch (command._tag) {
    case "Send":
      return `Send ${command.client} ${Message.format(command.message)}`
    case "Disconnect":
      return `Disconnect ${command.client} ${command.violation.rule}: ${command.violation.detail}`
    case "Ended":
      return "Ended"
  }
}

/** What was found wrong, as text. */
export const breachText = ({ connection, side, rule, detail }: Breach): string =>
  `Breach ${connection} ${side} ${rule}: ${detail}`

/** What comes with a mark, as JSON; what that can't say is told as text. */
export const dataText = (data: unknown): string => {
  try {
    const text = JSON.stringify(data, function (key, value) {
      // What it was before its `toJSON`: Vega-Lite gives all sets one, once that is loaded.
      const own: unknown = this[key]
      return typeof value === "bigint" ? String(value) : own instanceof Map || own instanceof Set ? [...own] : value
    })
    if (text !== undefined) return text
  } catch {
    // Something that refers to itself.
  }
  return JSON.stringify(String(data))
}

/** Why a step can't be read. */
class BadStep extends Tagged<"BadStep"> {
  constructor(message: string) {
    super("BadStep", message)
  }
}

/** The step that a text means, in terms of things that were seen before it. */
export const parseStep = (text: string, numbered: Numbered): Step => {
  const words = text.split(" ")
  const bad = (): never => {
    throw new BadStep(`${JSON.stringify(text)} is no step, or of something that wasn't there`)
  }
  const numberIn = (word: string | undefined, letter: string): number =>
    word !== undefined && word.startsWith(letter) && /^\d+$/.test(word.slice(1)) ? Number(word.slice(1)) : bad()
  const onStack = (word: string | undefined): OnStack => numbered.advance(numberIn(word, "a")) ?? bad()
  const event = (word: string | undefined): Event => numbered.event(numberIn(word, "e")) ?? bad()
  const advance = (): Advance => ({ mine: onStack(words[1]), idle: flag(words[2], "idle", "busy") })
  const pending = (word: string | undefined): Pending =>
    word === "timer" ? timerEvent : word?.startsWith("a") === true ? onStack(word) : event(word)
  const duration = (word = ""): Nanos => /^\d+$/.test(word) ? BigInt(word) as Nanos : bad()
  const flag = (word: string | undefined, yes: string, no: string): boolean =>
    word === yes ? true : word === no ? false : bad()
  switch (words[0]) {
    case "Skip":
    case "Rearm":
    case "Booted":
    case "Propagated":
      return { _tag: words[0] }
    case "Told":
      return { _tag: "Told", time: duration(words[1]) }
    case "Program":
      return { _tag: "Program", periodic: flag(words[1], "every", "once"), interval: duration(words[2]) }
    case "Delay":
      return { _tag: "Delay", duration: duration(words[1]) }
    case "Round":
      return { _tag: "Round", advance: advance() }
    case "Wait":
      return { _tag: "Wait", advance: advance(), event: pending(words[3]) }
    case "Arrive":
      return { _tag: "Arrive", advance: advance(), event: pending(words[3]), waited: flag(words[4], "waited", "free") }
    case "Settle":
      return { _tag: "Settle", advance: advance(), finished: flag(words[3], "done", "on") }
    case "Enter":
      return { _tag: "Enter", event: event(words[1]), delay: duration(words[2]) }
    default:
      return bad()
  }
}
