/**
 * The peers in other languages: how they are built and run.
 *
 * A peer is there if it has been run: without arguments each tries itself, and
 * prints a figure. So neither a compiler that only answers to its name, nor a
 * header without its library, nor a module that can't be imported is taken for
 * one that works. A peer that isn't there, or fails later, is left out of its
 * suite, which says what would bring it.
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
import { type Case, Lacking } from "./suite.ts"

const sources = fileURLToPath(new URL("./peers/", import.meta.url))

const cache = (): string =>
  Path.join(
    process.env["GUEST_CLOCK_CACHE"] ||
      Path.join(process.env["XDG_CACHE_HOME"] || Path.join(Os.homedir(), ".cache"), "guest-clock"),
    "bench",
  )

/** A program that can be run, or what it lacks. */
export type Peer = { readonly words: readonly [string, ...ReadonlyArray<string>] } | { readonly lacks: string }

type Words = readonly [command: string, ...args: ReadonlyArray<string>]

/** After so long a tool that is only tried has hung. */
const TRIAL_MS = 60_000

/** How a command ended: with 0 and an output, or with a complaint about it. */
type Ended = { readonly stdout: string } | { readonly complaint: string; readonly isMissing: boolean }

const ended = ([command, ...args]: Words, timeout?: number): Ended => {
  const { error, status, signal, stdout, stderr } = ChildProcess.spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    killSignal: "SIGKILL",
    maxBuffer: 1 << 26,
    ...timeout !== undefined && { timeout },
  })
  if (error === undefined && status === 0) return { stdout }
  const { code } = (error ?? {}) as { readonly code?: string }
  const how = code === "ETIMEDOUT"
    ? `took more than ${TRIAL_MS / 1000} s`
    : error !== undefined
    ? `can't be run: ${error.message}`
    // Deno says nothing about some that can't be run.
    : `ended with ${status ?? signal ?? "nothing to say"}`
  const lines = (stderr ?? "").trim().split("\n")
  const said = lines.find((line) => /error|cannot/i.test(line)) ?? lines[0]
  return { complaint: `${command} ${how}${said ? `: ${said}` : ""}`, isMissing: code === "ENOENT" }
}

/** The figures that a peer prints; it must be one at least, and nothing else. */
const figuresOf = (words: Words, timeout?: number): ReadonlyArray<number> | { readonly complaint: string } => {
  const run = ended(words, timeout)
  if ("complaint" in run) return run
  const printed = run.stdout.trim()
  const figures = printed.split(/\s+/).map(Number)
  if (printed !== "" && figures.every(Number.isFinite)) return figures
  return {
    complaint: `${words.join(" ")} printed ${printed === "" ? "nothing" : JSON.stringify(printed.slice(0, 80))}`,
  }
}

/** Why a program doesn't work, or `undefined` if it does. */
const complaintAbout = (words: Words): string | undefined => {
  const figures = figuresOf(words, TRIAL_MS)
  return "complaint" in figures ? figures.complaint : undefined
}

const FLAGS = ["-O2", "-std=c++17"]

const GXX = "g++ (Debian's package g++)"
const NS3 = "ns-3 (Debian's package libns3-dev)"
const SIMPY = "SimPy (Debian's package python3-simpy3)"

/** Compiles what works by itself into `program`. Why it doesn't come about, or doesn't work, if so. */
const build = (program: string, source: string, libraries: ReadonlyArray<string>): string | undefined => {
  // Another process may build it at the same time: the last to rename wins, and nobody runs an unfinished program.
  const unfinished = `${program}.${process.pid}`
  try {
    const compiled = ended(["g++", ...FLAGS, "-x", "c++", source, "-o", unfinished, ...libraries], TRIAL_MS)
    if ("complaint" in compiled) return compiled.complaint
    if (!Fs.existsSync(unfinished)) return "g++ ended with 0 and made nothing"
    const complaint = complaintAbout([unfinished])
    if (complaint === undefined) Fs.renameSync(unfinished, program)
    return complaint?.replaceAll(unfinished, program)
  } finally {
    Fs.rmSync(unfinished, { force: true })
  }
}

/** What is missing that a program in C++ couldn't be built: the compiler, ns-3, or neither. */
const lackOf = (complaint: string, folder: string, needsNs3: boolean): string => {
  const compiler = ended(["g++", "--version"], TRIAL_MS)
  if ("complaint" in compiler && compiler.isMissing) return GXX
  const broken = build(Path.join(folder, "trial"), Path.join(sources, "trial.cc"), [])
  if (broken !== undefined) return `${GXX} that works: ${broken}`
  if (!needsNs3) return `${GXX} that can build it: ${complaint}`
  // Without `-x c++`, g++ takes /dev/null for something to link, and is content with it.
  const headers = ended(
    ["g++", ...FLAGS, "-fsyntax-only", "-x", "c++", "-include", "ns3/core-module.h", "/dev/null"],
    TRIAL_MS,
  )
  return "complaint" in headers ? NS3 : `${NS3} that works: ${complaint}`
}

const findCpp = (file: string, modules: ReadonlyArray<string>): Peer => {
  const hash = Crypto.createHash("sha256")
  for (const each of [file, "hold.h", "server.h"]) hash.update(Fs.readFileSync(Path.join(sources, each)))
  const libraries = modules.map((name) => `-lns3-${name}`)
  const key = hash.update([...FLAGS, ...libraries].join(" ")).digest("hex").slice(0, 16)
  const program = Path.join(cache(), `${Path.parse(file).name}-${key}`)
  // One that was built may have lost a library since.
  if (Fs.existsSync(program) && complaintAbout([program]) === undefined) return { words: [program] }
  try {
    Fs.mkdirSync(cache(), { recursive: true })
    const complaint = build(program, Path.join(sources, file), libraries)
    return complaint === undefined ? { words: [program] } : { lacks: lackOf(complaint, cache(), modules.length > 0) }
  } catch (error) {
    return { lacks: `a folder to build it in ($GUEST_CLOCK_CACHE): ${(error as Error).message}` }
  }
}

const findSimPy = (file: string, pythons: ReadonlyArray<string>): Peer => {
  const script = Path.join(sources, file)
  let lacks = SIMPY
  for (const python of pythons) {
    const complaint = complaintAbout([python, script])
    if (complaint === undefined) return { words: [python, script] }
    // Where it can't even be imported there is nothing more to say.
    if (lacks === SIMPY && "stdout" in ended([python, "-c", "import simpy"], TRIAL_MS)) {
      lacks = `${SIMPY} that works: ${complaint}`
    }
  }
  return { lacks }
}

/** What was found is a note in the environment, so that a bench's workers needn't try it all again. */
const NOTES = "GUEST_CLOCK_PEERS"

const found = (what: ReadonlyArray<string>, find: () => Peer): Peer => {
  const notes: { [key: string]: Peer } = JSON.parse(process.env[NOTES] ?? "{}")
  // It holds for this path and this cache.
  const key = JSON.stringify([process.env["PATH"], cache(), ...what])
  const peer = notes[key] ?? find()
  process.env[NOTES] = JSON.stringify({ ...notes, [key]: peer })
  return peer
}

/** A program in C++, of a file in bench/peers, with ns-3's modules that it uses. */
export const cpp = (file: string, ...modules: ReadonlyArray<string>): Peer =>
  found([file, ...modules], () => findCpp(file, modules))

/** Those that may have SimPy: the second one is Debian's, which has Debian's packages. */
const PYTHONS = ["python3", "/usr/bin/python3"]

/** A program in Python that uses SimPy, of a file in bench/peers. */
export const simPy = (file: string, pythons: ReadonlyArray<string> = PYTHONS): Peer =>
  found([file, ...pythons], () => findSimPy(file, pythons))

/** What a peer prints when it is run to its end: numbers. Throws a `Lacking` if it can't be run, or fails. */
export const run = (peer: Peer, args: ReadonlyArray<string | number>): ReadonlyArray<number> => {
  if ("lacks" in peer) throw new Lacking(peer.lacks)
  const [command, ...first] = peer.words
  const figures = figuresOf([command, ...first, ...args.map(String)])
  if ("complaint" in figures) throw new Lacking(`a run to its end: ${figures.complaint}`)
  return figures
}

/** A case whose figure is the first that the peer prints. */
export const of = (name: string, peer: Peer, ...args: ReadonlyArray<string | number>): Case => ({
  name,
  elsewhere: true,
  measure: () => Promise.resolve().then(() => run(peer, args)[0] ?? NaN),
  ..."lacks" in peer && { lacks: peer.lacks },
})
