/**
 * Devices of User-Mode Linux kernels on simulated time: a program in TypeScript is the network card, the disk, the
 * console and the entropy of kernels that know nothing of it ([docs/devices.md](../../docs/devices.md)).
 *
 * @module
 */
export * as BlockDevice from "./BlockDevice.ts"
export * as ConsoleDevice from "./ConsoleDevice.ts"
export * as EntropyDevice from "./EntropyDevice.ts"
export * as NetworkDevice from "./NetworkDevice.ts"
export * as VirtioDevice from "./VirtioDevice.ts"
