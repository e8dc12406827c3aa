/**
 * Requests of a program to its browser: none is seen, so time doesn't wait for any. What must be waited for goes into a
 * hold.
 *
 * @module
 */
import { nextTurn } from "../platform/EventLoop.ts"
import type { Requests } from "../platform/Requests.ts"

/** Sees nothing. */
export const start = (): Requests => ({
  isUnderWay: () => false,
  underWay: () => [],
  waive: () => {},
  nextLook: nextTurn,
  stop: () => {},
})
