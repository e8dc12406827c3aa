/**
 * How much memory is in use.
 *
 * @module
 */
import process from "node:process"

const { Bun, gc } = globalThis as {
  readonly Bun?: { readonly gc: (wait: boolean) => void }
  readonly gc?: () => void
}

const collect = () => {
  // What a finalizer lets go of takes another time.
  for (let times = 0; times < 5; times++) Bun === undefined ? gc?.() : Bun.gc(true)
}

/** The bytes that are in use once all garbage is collected. */
export const usedBytes = (): number => {
  collect()
  // Bun's timers are outside of its heap, so there the whole process is what counts.
  const { heapUsed, external, rss } = process.memoryUsage()
  return Bun === undefined ? heapUsed + external : rss
}
