/**
 * interop/uml/build on other machines than this one: apt's commands are stand-ins (fakes/),
 * on an archive that the test fills. Whatever it then unpacks and compiles is real, and small.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"

const BUILD = Path.resolve("interop/uml/build")
const FAKES = Path.resolve("interop/uml/fakes")

/** The packages that a test's archive may have, by name and version. */
let debs = ""
const folders: Array<string> = []
const folder = () => {
  const made = Fs.mkdtempSync(Path.join(Os.tmpdir(), "kernels-"))
  folders.push(made)
  return made
}
afterAll(() => {
  for (const each of folders) Fs.rmSync(each, { recursive: true, force: true })
})

/** A package as Debian's: with a tree of sources, here one that is compiled in no time. */
const pack = (name: string, version: string, makefile: string) => {
  const work = folder()
  const root = `${work}/root`
  Fs.mkdirSync(`${root}/DEBIAN`, { recursive: true })
  Fs.mkdirSync(`${root}/usr/src`, { recursive: true })
  Fs.mkdirSync(`${work}/${name}`)
  Fs.writeFileSync(
    `${root}/DEBIAN/control`,
    `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody\nDescription: sources\n`,
  )
  Fs.writeFileSync(`${work}/${name}/Makefile`, makefile)
  Fs.writeFileSync(`${work}/${name}/kernel.c`, "int main(void) { return 0; }\n")
  if (makefile !== "") ChildProcess.execFileSync("tar", ["-C", work, "-cJf", `${root}/usr/src/${name}.tar.xz`, name])
  ChildProcess.execFileSync("dpkg-deb", ["--build", root, `${debs}/${name}_${version}`], { stdio: "ignore" })
}

const MAKEFILE = `
defconfig:
	touch .config
olddefconfig:
	sed -i '/=n$$/d' .config
linux:
	@echo "  CC      kernel.o"
	cc -o linux kernel.c
`

beforeAll(() => {
  debs = folder()
  pack("linux-source-6.1", "6.1.192-3", MAKEFILE)
  pack("linux-source-6.12", "6.12.117-1", MAKEFILE)
  pack("linux-source-6.12", "6.12.9-old", MAKEFILE)
  pack("linux-source-6.12", "6.12.9-broken", MAKEFILE.replace("cc -o", "exit 77 # cc -o"))
  pack("linux-source-6.12", "6.12.8-deaf", MAKEFILE.replace("/=n$$/d", "d"))
  pack("linux-source-6.12", "6.12.7-empty", "")
  for (const target of ["defconfig", "olddefconfig"]) {
    pack("linux-source-6.12", `6.12.6-no.${target}`, MAKEFILE.replace(`\n${target}:\n`, `$&\tfalse\n`))
  }
})

/** A machine: what apt's lists know, what the archive has, and what is in the way. */
interface Machine {
  readonly archive?: ReadonlyArray<string>
  readonly lists?: ReadonlyArray<string>
  /** Debian packages that aren't installed. */
  readonly missing?: ReadonlyArray<string>
  /** What the commands read: fakes/apt-get and its like say how. */
  readonly faults?: ReadonlyArray<string>
  readonly root?: boolean
  readonly environment?: Record<string, string>
}

const BOOKWORM = ["linux-source-6.1 6.1.192-3", "linux-source-6.12 6.12.117-1"]
/** Debian 13. */
const TRIXIE = ["linux-source-6.12 6.12.117-1"]

class Host {
  readonly state = folder()
  readonly cache: string = folder()
  readonly environment: Record<string, string>

  constructor(
    { archive = BOOKWORM, lists = archive, missing = [], faults = [], root = true, environment = {} }: Machine,
  ) {
    const file = (name: string, lines: ReadonlyArray<string>) =>
      Fs.writeFileSync(`${this.state}/${name}`, lines.map((line) => `${line}\n`).join(""))
    file("archive", archive)
    file("lists", lists)
    file("missing", missing)
    file("calls", [])
    for (const fault of faults) file(fault, [])
    this.environment = {
      PATH: `${FAKES}:${process.env["PATH"]}`,
      HOME: this.state,
      GUEST_CLOCK_CACHE: this.cache,
      FAKE_STATE: this.state,
      FAKE_DEBS: debs,
      FAKE_UID: root ? "0" : "1000",
      ...environment,
    }
  }

  run(...args: ReadonlyArray<string>) {
    const { status, signal, stdout, stderr } = ChildProcess.spawnSync(BUILD, [...args], {
      env: this.environment,
      encoding: "utf8",
      timeout: 60_000,
    })
    return { code: status ?? signal, stdout, stderr }
  }

  /** The kernels that there are afterwards. */
  get list() {
    return this.run("--list").stdout
  }

  /** What was asked of apt. */
  get calls() {
    return Fs.readFileSync(`${this.state}/calls`, "utf8")
  }

  /** Of which package a kernel was made. */
  made(version: string) {
    return Fs.readlinkSync(`${this.cache}/uml/${version}`).replace(/-[0-9a-f]{8}$/, "")
  }
}

describe("the build of kernels", () => {
  it("makes what is asked for, and nothing again", () => {
    const host = new Host({})
    expect(host.run()).toMatchObject({ code: 0 })
    expect(host.list).toBe("6.1\n6.12\n")
    expect([host.made("6.1"), host.made("6.12")]).toEqual(["kernel-6.1.192-3", "kernel-6.12.117-1"])
    const built = `${host.cache}/uml`
    for (
      const path of ["6.1/linux", "initrd/init.cpio", "initrd/busybox.cpio", "xstate/xstate.so", "random/random.so"]
    ) {
      expect(Fs.existsSync(`${built}/${path}`), path).toBe(true)
    }
    const calls = host.calls
    expect(host.run()).toMatchObject({ code: 0, stderr: expect.not.stringContaining("fetching") })
    expect(host.calls.slice(calls.length)).not.toContain("download")
  })

  it("makes a second kernel of each release with more drivers, and that alone where the first is there", () => {
    const host = new Host({})
    expect(host.run("6.12").code).toBe(0)
    const built = `${host.cache}/uml`
    const hasDisk = (kernel: string) => Fs.readFileSync(`${built}/${kernel}/config`, "utf8").includes("VIRTIO_BLK=y")
    expect([hasDisk("6.12"), hasDisk("6.12-devices")]).toEqual([false, true])
    expect(host.made("6.12-devices")).toBe("kernel-devices-6.12.117-1")
    const before = Fs.statSync(`${built}/6.12/linux`).mtimeMs
    Fs.rmSync(`${built}/${Fs.readlinkSync(`${built}/6.12-devices`)}`, { recursive: true })
    expect(host.run("6.12")).toMatchObject({ code: 0, stderr: expect.stringContaining("6.12-devices: compiling") })
    expect(hasDisk("6.12-devices")).toBe(true)
    expect(Fs.statSync(`${built}/6.12/linux`).mtimeMs).toBe(before)
    expect(host.list).toBe("6.12\n")
  })

  it("takes no other kernel where Debian hasn't got the one that it asks for, says so, and makes the rest", () => {
    const host = new Host({ archive: TRIXIE })
    const { code, stderr } = host.run()
    expect(code).toBe(3)
    expect(stderr).toContain("uml: 6.1: there is no package linux-source-6.1 here: LEFT OUT\n")
    expect(stderr.trimEnd().split("\n").at(-1)).toBe("uml: left out, as they can't be had here: 6.1")
    expect(host.list).toBe("6.12\n")
    expect(host.made("6.12")).toBe("kernel-6.12.117-1")
    // All that the tests of the other kernel need.
    expect(Fs.existsSync(`${host.cache}/uml/initrd/init.cpio`)).toBe(true)
    expect(Fs.existsSync(`${host.cache}/uml/xstate/xstate.so`)).toBe(true)
    expect(host.calls).not.toContain("download linux-source-6.1=")
  })

  it("is content with one of the kernels when it is told to be, and still says which one is left out", () => {
    const host = new Host({ archive: TRIXIE })
    const { code, stderr } = host.run("--any")
    expect(code).toBe(0)
    expect(stderr.trimEnd().split("\n").at(-1)).toBe("uml: left out, as they can't be had here: 6.1")
    expect(host.list).toBe("6.12\n")
    expect(host.run("--any", "6.1").code).toBe(3)
    expect(new Host({ archive: [] }).run("--any").code).toBe(3)
    expect(new Host({ archive: ["linux-source-6.12 6.12.9-broken"] }).run("--any").code).toBe(1)
  })

  it("asks an archive for nothing when it hasn't got the only kernel that is asked for", () => {
    const host = new Host({ archive: TRIXIE })
    expect(host.run("6.1").code).toBe(3)
    expect(host.calls).not.toContain("download")
    expect(host.list).toBe("")
    expect(host.run("6.12").code).toBe(0)
  })

  it("goes on with a kernel that it has made, though its source can't be had any more", () => {
    const host = new Host({})
    expect(host.run().code).toBe(0)
    for (const file of ["archive", "lists"]) Fs.writeFileSync(`${host.state}/${file}`, `${TRIXIE[0]}\n`)
    const { code, stderr } = host.run()
    expect(code).toBe(0)
    expect(stderr).toContain(
      "6.1: there is no package linux-source-6.1 here; the kernel that was built before is there",
    )
    expect(host.list).toBe("6.1\n6.12\n")
  })

  it("goes on with a kernel that it has made, though a newer one can't be built here", () => {
    const host = new Host({
      archive: ["linux-source-6.12 6.12.9-old", "linux-source-6.12 6.12.117-1"],
      lists: ["linux-source-6.12 6.12.9-old"],
    })
    expect(host.run("6.12").code).toBe(0)
    Fs.writeFileSync(`${host.state}/lists`, "linux-source-6.12 6.12.117-1\n")
    Fs.writeFileSync(`${host.state}/missing`, "flex\n")
    Fs.writeFileSync(`${host.state}/install-fails`, "")
    const { code, stderr } = host.run("6.12")
    expect(code).toBe(0)
    expect(stderr).toContain("can't be installed: flex; the kernel that was built before is there")
    expect(host.made("6.12")).toBe("kernel-6.12.9-old")
  })

  it("refuses a package that apt brings in place of the one that it asked for", () => {
    const host = new Host({ faults: ["brings-another"] })
    const { code, stderr } = host.run("6.1")
    expect(code).toBe(3)
    expect(stderr).toContain("6.1: asked for linux-source-6.1=6.1.192-3, apt brought linux-source-6.12=6.12.117-1")
    expect(host.list).toBe("")
  })

  it("renews lists that are older than the archive", () => {
    const host = new Host({ archive: BOOKWORM, lists: ["linux-source-6.1 6.1.180-1"] })
    expect(host.run("6.1").code).toBe(0)
    expect(host.made("6.1")).toBe("kernel-6.1.192-3")
  })

  it("understands an apt that speaks another language", () => {
    const host = new Host({ environment: { LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8" } })
    expect(host.run("6.12").code).toBe(0)
  })

  it("installs what it builds with, and only when there is something to build", () => {
    const host = new Host({ missing: ["flex", "bc"] })
    expect(host.run("6.12").code).toBe(0)
    expect(host.calls).toContain("install -y --no-install-recommends flex bc\n")
    const calls = host.calls
    Fs.writeFileSync(`${host.state}/missing`, "flex\nbc\n")
    Fs.writeFileSync(`${host.state}/install-fails`, "")
    expect(host.run("6.12").code).toBe(0)
    expect(host.calls.slice(calls.length)).not.toContain("install")
  })
})

describe("the build's exit code", () => {
  /** The codes that --help has. */
  const documented = () =>
    [...new Host({}).run("--help").stdout.matchAll(/^ {2}(\d+) {2,}\S/gm)].map(([, code]) => Number(code))

  it("is one of five, which --help lists", () => {
    expect(documented()).toEqual([0, 1, 2, 3, 130])
    expect(new Host({}).run("--help").code).toBe(0)
  })

  const cases: ReadonlyArray<
    readonly [what: string, code: number, Machine, args: ReadonlyArray<string>, says: string]
  > = [
    ["an option that there isn't", 2, {}, ["--fast"], 'what is "--fast"?'],
    ["a version that there isn't", 2, {}, ["6.2"], 'what is "6.2"?'],
    ["--jobs without a number", 2, {}, ["--jobs"], "--jobs needs a number"],
    ["--jobs with none", 2, {}, ["--jobs", "many"], '--jobs is "many"'],
    ["no folder to keep it in", 2, { environment: { GUEST_CLOCK_CACHE: "", HOME: "" } }, [], "where to keep it?"],
    ["a folder that can't be made", 1, { environment: { GUEST_CLOCK_CACHE: "/dev/null" } }, [], "mkdir"],
    ["no apt at all", 3, { environment: { PATH: "" } }, [], "this is not Debian"],
    ["apt-cache failing", 3, { faults: ["cache-fails"] }, [], "left out, as they can't be had here: 6.1 6.12"],
    ["apt-get update failing", 3, { archive: TRIXIE, faults: ["update-fails"] }, ["6.1"], "LEFT OUT"],
    ["apt-get install failing", 3, { missing: ["flex"], faults: ["install-fails"] }, [], "can't be installed: flex"],
    [
      "tools missing, and nobody to install them",
      3,
      { missing: ["flex"], root: false },
      [],
      "please install: apt-get install flex",
    ],
    [
      "apt-get download failing",
      3,
      { faults: ["download-fails"] },
      ["6.1"],
      "linux-source-6.1 6.1.192-3 can't be fetched",
    ],
    ["the same for another user", 3, { faults: ["download-fails"], root: false }, ["6.1"], "can't be fetched"],
    ["apt-get download bringing nothing", 3, { faults: ["brings-nothing"] }, ["6.1"], "can't be fetched"],
    ["dpkg-deb failing", 3, { faults: ["brings-rubbish"] }, ["6.1"], "can't be fetched"],
    [
      "a package without sources",
      1,
      { archive: ["linux-source-6.12 6.12.7-empty"] },
      ["6.12"],
      "6.12.7-empty can't be unpacked",
    ],
    [
      "a configuration that has no effect",
      1,
      { archive: ["linux-source-6.12 6.12.8-deaf"] },
      ["6.12"],
      "has no effect",
    ],
    [
      "no configuration to begin with",
      1,
      { archive: ["linux-source-6.12 6.12.6-no.defconfig"] },
      ["6.12"],
      "6.12 can't be built",
    ],
    [
      "no configuration in the end",
      1,
      { archive: ["linux-source-6.12 6.12.6-no.olddefconfig"] },
      ["6.12"],
      "6.12 can't be built",
    ],
    ["a compiler that fails", 1, { archive: ["linux-source-6.12 6.12.9-broken"] }, ["6.12"], "6.12 can't be built"],
    ["a command that nobody thought of failing", 1, { faults: ["strip-fails"] }, ["6.12"], "exited with 42: strip"],
  ]
  for (const [what, code, machine, args, says] of cases) {
    it(`is ${code} after ${what}, and why is said`, () => {
      const environment = { ...machine.environment }
      // Not even apt: the fakes are left away, and what the script itself needs is not.
      if (environment["PATH"] === "") environment["PATH"] = withoutApt()
      const ended = new Host({ ...machine, environment }).run(...args)
      expect(ended).toMatchObject({ code, stderr: expect.stringContaining(says) })
    })
  }

  it("is documented, too, when nobody reads what is said", () => {
    const host = new Host({})
    const { status } = ChildProcess.spawnSync("bash", ["-c", `"${BUILD}" 2>&1 | true; exit "\${PIPESTATUS[0]}"`], {
      env: host.environment,
    })
    expect(documented()).toContain(status)
  })

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`is 130 after ${signal}, and nothing half done stays behind`, async () => {
      const host = new Host({ faults: ["download-sleeps"] })
      const child = ChildProcess.spawn(BUILD, ["6.12"], { env: host.environment, detached: true, stdio: "ignore" })
      const ended = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)))
      while (!host.calls.includes("download")) await new Promise((resolve) => setTimeout(resolve, 20))
      process.kill(-child.pid!, signal)
      expect(await ended).toBe(130)
      expect(Fs.existsSync(`${host.cache}/uml/scratch`)).toBe(false)
      expect(host.list).toBe("")
    })
  }
})

/** A path with what is on this one but apt's commands. */
const withoutApt = () => {
  const bin = folder()
  for (const from of (process.env["PATH"] ?? "").split(":")) {
    for (const name of Fs.existsSync(from) ? Fs.readdirSync(from) : []) {
      if (/^(apt|dpkg)/.test(name) || Fs.existsSync(`${bin}/${name}`)) continue
      try {
        Fs.symlinkSync(`${from}/${name}`, `${bin}/${name}`)
      } catch {
        // A link that leads nowhere has a place already.
      }
    }
  }
  return bin
}
