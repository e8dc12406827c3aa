/**
 * What can be wrong with how a kernel is to be booted, as far as nobody has to be asked.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import type { Card, Options } from "../../devices/Kernel.ts"
import type { Cable } from "../../simulation/Network.ts"
import { isNetwork } from "./Tap.ts"

/** What is wrong with options that are no device's, if anything is. */
export const badKernel = (guest: string, options: Options): OptionError | undefined => {
  const wrong = (option: keyof Options, allowed: string) =>
    new OptionError(`${option} of the kernel ${JSON.stringify(guest)}`, options?.[option], allowed)
  const isPath = (path: unknown) => typeof path === "string" && path !== ""
  const { kernel, initrd, commandLine = [], memory = "64M", networks = [], console: told } = options ?? {}
  if (!isPath(kernel)) return wrong("kernel", "it is a path")
  if (initrd !== undefined && !isPath(initrd)) return wrong("initrd", "it is a path")
  if (!Array.isArray(commandLine) || commandLine.some((word) => typeof word !== "string" || /[\s\0]/.test(word))) {
    return wrong("commandLine", "it is an array of words without blanks")
  }
  if (typeof memory !== "string" || !/^[1-9]\d*[KMG]$/.test(memory)) return wrong("memory", 'it is as "64M"')
  if (!Array.isArray(networks)) return wrong("networks", "it is an array of networks, cables, or cards with `to`")
  for (const card of networks) {
    if (!isConnection(cardOf(card)?.to)) return wrong("networks", "each is a network, a cable, or a card with `to`")
  }
  return told === undefined || typeof told === "function" ? undefined : wrong("console", "it is a function")
}

/** A card, of which only what it is connected to may be given. */
export const cardOf = (card: Card | Card["to"]): Card => typeof card === "object" && "to" in card ? card : { to: card }

const isConnection = (to: unknown): boolean =>
  typeof to === "object" && to !== null &&
  ("links" in to ? Array.isArray(to.links) : "options" in to && isNetwork(to as Cable))
