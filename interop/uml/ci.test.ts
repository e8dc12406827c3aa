/**
 * What .ci/run and the tests do with the kernels that there are: with a build and other
 * commands that are stand-ins.
 */
import { afterAll, describe, expect, it, vi } from "vitest"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import leftOut from "./leftOut.ts"

const folders: Array<string> = []
afterAll(() => {
  for (const each of folders) Fs.rmSync(each, { recursive: true, force: true })
})

/** How the build ends, and which kernels are there then. */
interface Build {
  readonly code: number
  readonly list: ReadonlyArray<string>
}

/** Runs a script of ours in a checkout that has nothing else, and what is called as it says. */
const run = (
  script: string,
  build: Build,
  commands: Readonly<Record<string, string>>,
  ...args: ReadonlyArray<string>
) => {
  const checkout = Fs.mkdtempSync(Path.join(Os.tmpdir(), "kernels-"))
  folders.push(checkout)
  const write = (path: string, lines: string) => {
    Fs.mkdirSync(Path.dirname(`${checkout}/${path}`), { recursive: true })
    Fs.writeFileSync(`${checkout}/${path}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
  }
  Fs.mkdirSync(Path.dirname(`${checkout}/${script}`), { recursive: true })
  Fs.copyFileSync(script, `${checkout}/${script}`)
  const list = build.list.map((version) => `echo ${version}`).join("\n")
  write("interop/uml/build", `if [ "$1" = --list ]; then\n${list}\n exit 0; fi\nexit ${build.code}`)
  for (const [name, lines] of Object.entries(commands)) write(`bin/${name}`, lines)
  const { status, stdout } = ChildProcess.spawnSync("bash", [`${checkout}/${script}`, ...args], {
    env: { ...process.env, PATH: `${checkout}/bin:${process.env["PATH"]}` },
    encoding: "utf8",
    timeout: 60_000,
  })
  return { code: status, lines: stdout.split("\n").filter((line) => line !== "") }
}

describe("CI", () => {
  const ci = (build: Build) =>
    // There is a browser, and no test of ours is run here.
    run(".ci/run", build, { chromium: "exit 0", npx: 'echo "ran: $*"\necho "7 passed, 0 failed"' })
  const TESTS = "ran: -y deno task test:uml"
  const skipped = (version: string) =>
    `LEFT OUT: the tests with kernels of Linux ${version}: Debian's packages, which can't be had here`

  /** What is left out is said where that is found, and once more at the end. */
  const saidOf = (lines: ReadonlyArray<string>) => [...new Set(lines.filter((line) => line.startsWith("LEFT OUT")))]

  it("runs the tests with kernels when all of them are there, and skips nothing", () => {
    const { code, lines } = ci({ code: 0, list: ["6.1", "6.12"] })
    expect(code).toBe(0)
    expect(lines).toContain(TESTS)
    expect(saidOf(lines)).toEqual([])
  })

  for (const [there, missing] of [["6.1", "6.12"], ["6.12", "6.1"]] as const) {
    it(`says that ${missing} is left out when it can't be had, runs the tests with ${there}, and passes`, () => {
      const { code, lines } = ci({ code: 3, list: [there] })
      expect(code).toBe(0)
      expect(saidOf(lines)).toEqual([skipped(missing)])
      expect(lines.indexOf(TESTS)).toBeGreaterThan(lines.indexOf(skipped(missing)))
    })
  }

  it("says that all of them are left out when none can be had, and passes", () => {
    const { code, lines } = ci({ code: 3, list: [] })
    expect(code).toBe(0)
    expect(saidOf(lines)).toEqual([skipped("6.1"), skipped("6.12")])
    expect(lines).not.toContain(TESTS)
  })

  it("fails when a kernel can't be built, however that ends", () => {
    for (const built of [1, 2, 100, 130]) {
      const { code, lines } = ci({ code: built, list: ["6.1"] })
      expect(code).toBe(1)
      expect(lines.at(-1)).toMatch(/^\d+ passed, 1 failed$/)
    }
  })
})

describe("the tests with kernels", () => {
  /** What is said before they begin, when these kernels are there. */
  const said = (...built: ReadonlyArray<string>) => {
    const cache = Fs.mkdtempSync(Path.join(Os.tmpdir(), "kernels-"))
    folders.push(cache)
    for (const version of built) {
      Fs.mkdirSync(`${cache}/uml/${version}`, { recursive: true })
      Fs.writeFileSync(`${cache}/uml/${version}/linux`, "")
    }
    const lines: Array<string> = []
    const log = vi.spyOn(console, "log").mockImplementation((line) => void lines.push(line))
    vi.stubEnv("GUEST_CLOCK_CACHE", cache)
    try {
      leftOut()
    } finally {
      vi.unstubAllEnvs()
      log.mockRestore()
    }
    return lines
  }

  it("begin by saying which kernel they are left out with", () => {
    expect(said("6.1", "6.12")).toEqual([])
    expect(said("6.12")).toEqual([expect.stringContaining("LEFT OUT: all tests with kernels of Linux 6.1,")])
    expect(said("6.1")).toEqual([expect.stringContaining("LEFT OUT: all tests with kernels of Linux 6.12,")])
  })

  it("fail without any kernel, and say what makes them", () => {
    expect(() => said()).toThrow(/there is no kernel in .*: interop\/uml\/build makes them, or says why it can't/)
  })
})
