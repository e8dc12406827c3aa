/**
 * The kernels that `interop/uml/build` has built, as guests of worlds: `Guest.kernel`.
 *
 * @module
 */
import * as Path from "node:path"
import type { Kernel as KernelGuest } from "../../src/devices.ts"
import * as Kernel from "./Kernel.ts"

/** What a kernel is to do. */
export interface Job {
  /** A folder of the host, which it sees as `/host` and starts in. Its path has no blanks. */
  readonly folder: string
  /** The script in it that its first process runs. */
  readonly script: string
  /** Variables that the script sees. Without blanks, as the kernel's command line has them. */
  readonly variables?: { readonly [name: string]: string }
  /** Whether it is the kernel with drivers for all devices. Default: false. */
  readonly drivers?: boolean
}

/** How the kernel of this version is booted that has busybox and does a job. */
export const running = (
  version: Kernel.Version,
  { folder, script, variables = {}, drivers = false }: Job,
): Pick<KernelGuest.Options, "kernel" | "initrd" | "commandLine" | "environment"> => ({
  kernel: Path.join(Kernel.cache(), Kernel.folderOf(version, drivers), "linux"),
  initrd: Path.join(Kernel.cache(), "initrd", "busybox.cpio"),
  commandLine: Object.entries({ HOST: folder, RUN: script, ...variables }).map(([name, value]) => `${name}=${value}`),
  environment: { LD_PRELOAD: Kernel.libraries().join(":") },
})
