/**
 * How a kernel is booted, and what can be wrong with that, as far as nobody has to be asked.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import { OptionError } from "../../core/Fault.ts"
import { badDuration } from "../services/Checks.ts"
import type * as BlockDevice from "../../devices/BlockDevice.ts"
import type * as ConsoleDevice from "../../devices/ConsoleDevice.ts"
import type * as NetworkDevice from "../../devices/NetworkDevice.ts"
import type { Connection } from "./Connection.ts"
import type * as Link from "../../simulation/Link.ts"
import { isNetwork } from "./Tap.ts"

/**
 * A network card: what it is connected to, and its address.
 *
 * @since 0.2.0
 * @category models
 */
export interface Card extends Pick<NetworkDevice.Options, "mac" | "mtu" | "latency"> {
  /** A network, of whose hosts the guest is one, or a cable, at one of whose ends it is (`Network`). */
  readonly to: Connection
}

/**
 * A disk: what is behind it, how long it takes, and what goes wrong with it.
 *
 * @since 0.2.0
 * @category models
 */
export type Disk = Omit<BlockDevice.Options, "path" | "name" | "onReport" | "patience">

/**
 * A console: who is told what the kernel prints on it, at exact times.
 *
 * @since 0.2.0
 * @category models
 */
export type Console = Pick<ConsoleDevice.Options, "onOutput" | "latency">

/**
 * The options of a kernel.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** The path of the kernel, built with time travel and virtio. */
  readonly kernel: string
  /** The path of its initial RAM disk. Default: none. */
  readonly initrd?: string
  /**
   * More words of its command line, in which what has no `=` and no dot may be for its first process. Time travel, memory,
   * devices and the console are there by themselves. The kernel runs in a folder of its own: paths are absolute.
   */
  readonly commandLine?: ReadonlyArray<string>
  /** As Linux has it: a number with K, M or G. Default: 64M. */
  readonly memory?: string
  /** Its network cards, the first of which is eth0. A card's address is decided by the guest's name, if it isn't given. */
  readonly networks?: ReadonlyArray<Card | Card["to"]>
  /** Its disks, the first of which is vda. What goes wrong with them, the world's seed decides, if they have none. */
  readonly disks?: ReadonlyArray<Disk>
  /** Its virtio consoles, the first of which is hvc0. */
  readonly consoles?: ReadonlyArray<Console>
  /** How long after its world it is booted: its own time is 0 then. Default: 0. */
  readonly after?: Duration.Input
  /** A source of entropy that the world's seed decides, or this one, from 0 to 2^32 − 1. Default: there is none. */
  readonly entropy?: number | boolean
  /** Variables of its process on the host, beside this process's own. */
  readonly environment?: { readonly [name: string]: string }
  /** Told each line that it prints, as it comes, in real time. Default: nobody. */
  readonly console?: (line: string) => void
}

/** Checks options that are no device's, and returns what is wrong. */
export const badKernel = (guest: string, options: Options): OptionError | undefined => {
  const wrong = (option: keyof Options, allowed: string) =>
    new OptionError(`${option} of the kernel ${JSON.stringify(guest)}`, options?.[option], allowed)
  const isPath = (path: unknown) => typeof path === "string" && path !== ""
  const {
    kernel,
    initrd,
    commandLine = [],
    memory = "64M",
    networks = [],
    disks = [],
    consoles = [],
    after,
    console: told,
  } = options ?? {}
  if (!isPath(kernel)) return wrong("kernel", "it is a path")
  if (initrd !== undefined && !isPath(initrd)) return wrong("initrd", "it is a path")
  if (!Array.isArray(commandLine) || commandLine.some((word) => typeof word !== "string" || /[\s\0]/.test(word))) {
    return wrong("commandLine", "it is an array of words without blanks")
  }
  if (typeof memory !== "string" || !/^[1-9]\d*[KMG]$/.test(memory)) return wrong("memory", 'it is as "64M"')
  if (!Array.isArray(networks)) return wrong("networks", "it is an array of networks, cables, or cards with `to`")
  for (const [option, given] of [["disks", disks], ["consoles", consoles]] as const) {
    if (!Array.isArray(given) || given.some((one) => typeof one !== "object" || one === null)) {
      return wrong(option, `it is an array of ${option}`)
    }
  }
  for (const card of networks) {
    if (!isConnection(cardOf(card)?.to)) return wrong("networks", "each is a network, a cable, or a card with `to`")
  }
  const bad = after === undefined ? undefined : badDuration(`after of the kernel ${JSON.stringify(guest)}`, after)
  if (bad !== undefined) return bad
  return told === undefined || typeof told === "function" ? undefined : wrong("console", "it is a function")
}

/** A card, of which only what it is connected to may be given. */
export const cardOf = (card: Card | Card["to"]): Card => typeof card === "object" && "to" in card ? card : { to: card }

const isConnection = (to: unknown): boolean =>
  typeof to === "object" && to !== null &&
  ("links" in to ? Array.isArray(to.links) : "options" in to && isNetwork(to as Link.Any))
