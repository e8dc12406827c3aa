import { readFile } from "node:fs/promises"
import { setTimeout as wait } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as Requests from "../../src/internal/platform/Requests.ts"

let requests: Requests.Requests
beforeAll(() => {
  requests = Requests.start()
})
afterAll(() => requests.stop())

const look = () =>
  new Promise<void>((done) => {
    requests.nextLook(done)
  })

/** What is under way in any of some looks. */
const seen = async (looks: number): Promise<ReadonlyArray<string>> => {
  const names = new Set<string>()
  for (let i = 0; i < looks; i++) {
    await look()
    for (const name of requests.underWay()) names.add(name)
  }
  return [...names]
}

it("nothing is under way at rest", async () => {
  expect(await seen(50)).toEqual([])
  await wait(100)
  expect(await seen(50)).toEqual([])
})

it("requests are seen until they are over", async () => {
  const job = Promise.all([readFile("package.json"), crypto.subtle.digest("SHA-256", new Uint8Array(1_000_000))])
  expect(requests.underWay().length).toBe(2)
  await job
  expect(await seen(10)).toEqual([])
})

it("an import is under way while Vitest fetches the module, and what that imports", async () => {
  let isOver = false
  const imported = import("../../src/index.ts").finally(() => isOver = true)
  const names = new Set<string>()
  let missed = 0
  for (let unseen = 0; !isOver;) {
    await look()
    unseen = requests.isUnderWay() ? 0 : unseen + 1
    if (unseen > 1) missed++
    for (const name of requests.underWay()) names.add(name)
  }
  expect(await imported).toHaveProperty("VirtualTime")
  expect(missed).toBe(0)
  expect(names.size).toBeGreaterThan(0)
  for (const name of names) expect(name).toMatch(/^the import of ./)
  expect(await seen(10)).toEqual([])
})
