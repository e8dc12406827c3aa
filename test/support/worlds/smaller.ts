/**
 * Makes a plan smaller for as long as what is wrong with it stays: without a guest, a link, a step, an option.
 *
 * @module
 */
import type { Send, Step, WorldPlan } from "./plan.ts"

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** Fields that a step or a link isn't one without. */
const NEEDED = new Set([
  "do",
  "name",
  "ends",
  "kind",
  "steps",
  "arms",
  "send",
  "sends",
  "body",
  "n",
  "hops",
  "link",
  "ns",
  "guests",
  "links",
  "seed",
  "atOnce",
  "times",
  "count",
  "value",
  "answer",
  "_tag",
  "until",
])

/** What stands for a step that has others in it. */
const INSIDE = ["steps", "arms"]

/** Everything that is one part smaller. */
function* smallerJson(json: Json): Generator<Json> {
  if (typeof json === "number") {
    if (json > 1 && Number.isInteger(json)) {
      yield 0
      if (json > 1000) {
        yield Math.floor(json / 100_000) * 100_000 === json
          ? Math.floor(json / 200_000) * 100_000
          : Math.floor(json / 1000) * 1000
      }
    }
  } else if (Array.isArray(json)) {
    for (let size = json.length; size >= 1; size = size >> 1) {
      for (let from = 0; from + size <= json.length; from += size) {
        yield [...json.slice(0, from), ...json.slice(from + size)]
      }
    }
    for (const [index, each] of json.entries()) {
      if (typeof each === "object" && each !== null && "do" in each) {
        for (const inside of INSIDE) {
          const parts = (each as { readonly [key: string]: Json })[inside]
          if (Array.isArray(parts)) yield [...json.slice(0, index), ...parts.flat(), ...json.slice(index + 1)]
        }
      }
      for (const smaller of smallerJson(each)) yield [...json.slice(0, index), smaller, ...json.slice(index + 1)]
    }
  } else if (typeof json === "object" && json !== null) {
    const fields = json as { readonly [key: string]: Json }
    for (const [key, value] of Object.entries(fields)) {
      if (!NEEDED.has(key)) yield Object.fromEntries(Object.entries(fields).filter(([each]) => each !== key))
      if (key === "_tag" || key === "n") continue
      for (const smaller of smallerJson(value)) yield { ...fields, [key]: smaller }
    }
  }
}

/** Whether guests and links still fit together. */
const isWhole = (plan: WorldPlan): boolean => {
  const names = new Set(plan.guests.map(({ name }) => name))
  return names.size > 0 && !plan.guests.every(({ daemon }) => daemon) &&
    plan.links.every(({ ends }) => ends.length >= 2 && ends.every((end) => names.has(end)))
}

/** A program without the steps that need a link or a peer which isn't there any more. */
const cleaned = (steps: ReadonlyArray<Step>, peers: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyArray<Step> => {
  const sends = ({ link, to }: Send) => peers.has(link) && (to === undefined || peers.get(link)!.has(to))
  return steps.flatMap((step): ReadonlyArray<Step> => {
    if ("link" in step && !peers.has(step.link)) return []
    if (step.do === "timer") {
      const { send, ...rest } = step
      return send === undefined || sends(send) ? [step] : [rest]
    }
    if (step.do === "send") return sends(step.send) ? [step] : []
    if (step.do === "sends") return [{ ...step, sends: step.sends.filter(sends) }]
    if ("steps" in step) return [{ ...step, steps: cleaned(step.steps, peers) }]
    if ("arms" in step) return [{ ...step, arms: step.arms.map((arm) => cleaned(arm, peers)) }]
    return [step]
  })
}

/** What fits together of a plan. */
const whole = (plan: WorldPlan): WorldPlan => ({
  ...plan,
  guests: plan.guests.map((guest) => {
    const links = plan.links.filter(({ ends }) => ends.includes(guest.name))
    return { ...guest, steps: cleaned(guest.steps, new Map(links.map(({ name, ends }) => [name, new Set(ends)]))) }
  }),
})

/** A plan without a guest, who is at the ends of no link any more. */
const without = (plan: WorldPlan, name: string): WorldPlan => ({
  ...plan,
  guests: plan.guests.filter((guest) => guest.name !== name),
  links: plan.links.map((link) => ({ ...link, ends: link.ends.filter((end) => end !== name) })).filter(({ ends }) =>
    ends.length >= 2
  ),
})

/** Plans that are a part smaller, those without a guest first. */
export function* smaller(plan: WorldPlan): Generator<WorldPlan> {
  for (const { name } of plan.guests) {
    const candidate = without(plan, name)
    if (isWhole(candidate)) yield whole(candidate)
  }
  for (const each of smallerJson(plan as unknown as Json)) {
    const candidate = each as unknown as WorldPlan
    if (isWhole(candidate)) yield whole(candidate)
  }
}

/** The smallest plan that `fails` still, found in so many tries. */
export const smallest = async (
  plan: WorldPlan,
  fails: (plan: WorldPlan) => Promise<boolean>,
  tries: number,
): Promise<WorldPlan> => {
  let best = plan
  let left = tries
  for (let found = true; found && left > 0;) {
    found = false
    for (const candidate of smaller(best)) {
      if (left-- <= 0) break
      if (!(await fails(candidate).catch(() => false))) continue
      best = candidate
      found = true
      break
    }
  }
  return best
}
