/**
 * Before the tests with kernels begin: says which of them are left out, as a kernel isn't there.
 *
 * @module
 */
import * as Kernel from "./Kernel.ts"

/** Called by vitest, once. Without any kernel the tests fail. */
export default function setup(): void {
  const built = Kernel.built()
  if (built.length === 0) {
    throw new Error(`there is no kernel in ${Kernel.cache()}: interop/uml/build makes them, or says why it can't`)
  }
  for (const version of Kernel.versions) {
    if (built.includes(version)) continue
    console.log(
      `\n!!!!!! LEFT OUT: all tests with kernels of Linux ${version}, and the example, which needs each of ` +
        `${Kernel.versions.join(" and ")}: there is none in ${Kernel.cache()} !!!!!!\n`,
    )
  }
}
