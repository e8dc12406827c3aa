/** The peer. */
export { createClock } from "@sinonjs/fake-timers"
