/**
 * Prints a digest of 100,000 draws of each distribution that it is given as JSON.
 *
 * @module
 */
import process from "node:process"
import { Distribution, Random } from "../../src/simulation.ts"

const revive = (_: string, value: unknown) =>
  typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value

const random = Random.makeUnsafe(5)
const all: ReadonlyArray<Distribution.Distribution> = JSON.parse(process.argv[2] ?? "[]", revive)
for (const distribution of all) {
  const draw = Distribution.sampler(distribution, random.fork(distribution._tag))
  let digest = 0n
  for (let i = 0; i < 100_000; i++) digest = BigInt.asUintN(64, digest * 31n + draw())
  console.log(distribution._tag, String(digest))
}
