/**
 * Devices of User-Mode Linux kernels on simulated time: a program in TypeScript is the network card, the disk, the
 * console and the entropy of kernels that know nothing of it ([docs/devices.md](../docs/devices.md)).
 *
 * @module
 */

/** A disk. */
export * as BlockDevice from "./devices/BlockDevice.ts"
/** A console. */
export * as ConsoleDevice from "./devices/ConsoleDevice.ts"
/** A source of entropy. */
export * as EntropyDevice from "./devices/EntropyDevice.ts"
/** A network card. */
export * as NetworkDevice from "./devices/NetworkDevice.ts"
/** Any device, as functions or Effects. */
export * as VirtioDevice from "./devices/VirtioDevice.ts"
