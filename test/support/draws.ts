/**
 * Draws 100,000 times from each distribution and prints a digest of what came: the same
 * on every runtime, and in every version of this library, or worlds do other things than before.
 *
 * @module
 */
import { createHash } from "node:crypto"
import * as Discrete from "../../src/simulation/Discrete.ts"
import * as Distribution from "../../src/simulation/Distribution.ts"
import * as PortableMath from "../../src/internal/simulation/PortableMath.ts"
import * as Impairment from "../../src/simulation/Impairment.ts"
import * as Random from "../../src/simulation/Random.ts"
import { knownDiscrete } from "./discrete.ts"
import { known } from "./distributions.ts"

const SAMPLES = 100_000
/** So many are digested at once: one by one, that would be most of the work. */
const CHUNK = 1000

const random = Random.makeUnsafe(20260704)

const print = (name: string, draw: (i: number) => unknown): void => {
  const digest = createHash("sha256")
  for (let i = 0; i < SAMPLES; i += CHUNK) {
    let chunk = ""
    for (let j = i; j < i + CHUNK; j++) chunk += `${draw(j)}\n`
    digest.update(chunk)
  }
  console.log(name.padEnd(24), digest.digest("hex").slice(0, 32))
}

const bits = new BigUint64Array(1)
const double = new Float64Array(bits.buffer)
const hex = (x: number): string => {
  double[0] = x
  return bits[0]!.toString(16)
}

for (const { name, distribution } of known) print(name, Distribution.sampler(distribution, random.fork(name)))

for (const { name, discrete } of knownDiscrete) print(name, Discrete.sampler(discrete, random.fork(name)))

const numbers = random.fork("numbers")
print("numbers", () => hex(numbers.number()))
print("logarithms", () => hex(PortableMath.ln(numbers.number() + 1e-300)))
print("exponentials", () => hex(PortableMath.exp((numbers.number() - 0.5) * 1416)))
print("means", () => hex(Distribution.mean(Distribution.normal(numbers.below(1000n), numbers.below(1000n)))))

const plans = random.fork("plans")
const plan = (i: number): Impairment.Plan => Impairment.swarm(plans.fork(`${i}`), { horizon: 1_000_000_000n })
print("plans", (i) => Impairment.format(plan(i % 1000)))
const decide = Impairment.decider({ drop: 0.1, corrupt: 0.1, duplicate: 0.1, delay: 0.1 }, random.fork("faults"))
print("faults", (i) => decide({ now: BigInt(i), due: BigInt(i + 5) }).map((fault) => Object.values(fault).join(" ")))

const shapes = random.fork("gamma functions")
print("gamma functions", () => hex(PortableMath.lnGamma(shapes.number() * 50 + 0.01)))
