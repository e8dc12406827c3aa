/**
 * Implementations of the services that the clock needs from the world, for each runtime: links, timers, host clocks,
 * the CPU.
 *
 * @module
 */
export * as Cpu from "./platform/Cpu.ts"
export * as Memory from "./platform/Memory.ts"
export * as NativeClock from "./platform/NativeClock.ts"
export * as NativeTimer from "./platform/NativeTimer.ts"
export * as Recording from "./platform/Recording.ts"
export * as SocketLink from "./platform/SocketLink.ts"
