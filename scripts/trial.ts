/**
 * What a runtime is tried with: prints its name and its version, if it can run
 * TypeScript at all.
 *
 * @module
 */
interface Runtimes {
  readonly Bun?: { readonly version: string }
  readonly Deno?: { readonly version: { readonly deno: string } }
  readonly process?: { readonly versions: { readonly node: string } }
}

const { Bun, Deno, process }: Runtimes = globalThis as unknown as Runtimes

console.log(
  Deno !== undefined
    ? `Deno ${Deno.version.deno}`
    : Bun !== undefined
    ? `Bun ${Bun.version}`
    : `Node ${process?.versions.node}`,
)
