/**
 * The peers in other languages: how they are built and run. One that can't be is
 * left out of its suite, which says what would bring it.
 *
 * Programs in C++ are compiled into `$GUEST_CLOCK_CACHE/bench`, or
 * `~/.cache/guest-clock/bench`, under a name that changes with their source.
 *
 * @module
 */
import * as ChildProcess from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Case } from "./suite.ts"

const sources = fileURLToPath(new URL("./peers/", import.meta.url))

const cache = (): string =>
  Path.join(process.env["GUEST_CLOCK_CACHE"] ?? Path.join(Os.homedir(), ".cache", "guest-clock"), "bench")

/** A program that can be run, or what it lacks. */
export type Peer = { readonly words: readonly [string, ...ReadonlyArray<string>] } | { readonly lacks: string }

const output = (command: string, args: ReadonlyArray<string>): string => {
  const { error, status, stdout, stderr } = ChildProcess.spawnSync(command, args, { encoding: "utf8" })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

const isThere = (command: string, ...args: ReadonlyArray<string>): boolean => {
  try {
    output(command, args)
    return true
  } catch {
    return false
  }
}

/** A program in C++, of a file in bench/peers, with ns-3's modules that it uses. */
export const cpp = (file: string, ...modules: ReadonlyArray<string>): Peer => {
  const hash = Crypto.createHash("sha256")
  for (const each of [file, "hold.h"]) hash.update(Fs.readFileSync(Path.join(sources, each)))
  const flags = ["-O2", "-std=c++17"]
  const libraries = modules.map((name) => `-lns3-${name}`)
  const key = hash.update([...flags, ...libraries].join(" ")).digest("hex").slice(0, 16)
  const program = Path.join(cache(), `${Path.parse(file).name}-${key}`)
  if (Fs.existsSync(program)) return { words: [program] }
  if (!isThere("g++", "--version")) return { lacks: "g++ (Debian's package g++)" }
  if (modules.length > 0 && !isThere("g++", ...flags, "-fsyntax-only", "-include", "ns3/core-module.h", "/dev/null")) {
    return { lacks: "ns-3 (Debian's package libns3-dev)" }
  }
  Fs.mkdirSync(cache(), { recursive: true })
  // Another process may be at it, too: whoever is last wins, and nobody runs a half.
  const unfinished = `${program}.${process.pid}`
  output("g++", [...flags, Path.join(sources, file), "-o", unfinished, ...libraries])
  Fs.renameSync(unfinished, program)
  return { words: [program] }
}

/** A program in Python that uses SimPy, of a file in bench/peers. */
export const simPy = (file: string): Peer => {
  for (const python of ["python3", "/usr/bin/python3"]) {
    if (isThere(python, "-c", "import simpy")) return { words: [python, Path.join(sources, file)] }
  }
  return { lacks: "SimPy (Debian's package python3-simpy3)" }
}

/** What a peer prints when it is run to its end: numbers. */
export const run = (peer: Peer, args: ReadonlyArray<string | number>): ReadonlyArray<number> => {
  if ("lacks" in peer) throw new Error(`there is no ${peer.lacks}`)
  const [command, ...first] = peer.words
  return output(command, [...first, ...args.map(String)]).trim().split(/\s+/).map(Number)
}

/** A case whose figure is the first that the peer prints. */
export const of = (name: string, peer: Peer, ...args: ReadonlyArray<string | number>): Case => ({
  name,
  elsewhere: true,
  measure: () => Promise.resolve(run(peer, args)[0] ?? NaN),
  ..."lacks" in peer && { lacks: peer.lacks },
})
