/**
 * The runtime's timers, as they are when this module is loaded: fake timers replace the global ones later.
 *
 * In a browser `internal/browser/Timers` is in its place.
 *
 * @module
 */
export { clearImmediate, clearTimeout, setImmediate, setTimeout } from "node:timers"
