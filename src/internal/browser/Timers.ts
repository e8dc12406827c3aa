/**
 * A browser's timers, as they are when this module is loaded, and `setImmediate` by a message channel.
 *
 * @module
 */
const { clearTimeout: clear, setTimeout: set } = globalThis

/** Runs `task` after at least so many ms. */
export const setTimeout = (task: () => void, millis: number): ReturnType<typeof set> =>
  set.call(globalThis, task, millis)

/** Undoes {@link setTimeout}. */
export const clearTimeout = (timer: ReturnType<typeof set> | undefined): void => clear.call(globalThis, timer)

const channel = new MessageChannel()
let last = 0
const tasks = new Map<number, () => void>()

// A task of its own for each message: the browser draws and handles input in between.
channel.port1.onmessage = ({ data }) => {
  const task = tasks.get(data)
  tasks.delete(data)
  task?.()
}

/** Runs `task` in a turn of the event loop of its own. A time-out of 0 would take 4 ms, once they are nested. */
export const setImmediate = (task: () => void): number => {
  tasks.set(++last, task)
  channel.port2.postMessage(last)
  return last
}

/** Undoes {@link setImmediate}. */
export const clearImmediate = (handle: number): void => {
  tasks.delete(handle)
}
