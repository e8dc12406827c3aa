/**
 * A PostgreSQL server of its own for a test, if this machine has one (Debian's package `postgresql`).
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"

/** Where Debian puts it. */
const DEBIAN = "/usr/lib/postgresql"

/** Debian's versions, the newest first. */
const versions = (): ReadonlyArray<string> => Fs.existsSync(DEBIAN) ? Fs.readdirSync(DEBIAN).sort().reverse() : []

/** Where its programs are: on the path, or where Debian puts them. */
const found = (): string | undefined => {
  const folders = [
    ...(process.env["PATH"] ?? "").split(":"),
    ...versions().map((version) => `${DEBIAN}/${version}/bin`),
  ]
  return folders.find((folder) => Fs.existsSync(`${folder}/initdb`) && Fs.existsSync(`${folder}/pg_ctl`))
}

/** Who may run it: it refuses root. */
const idsOf = (name: string): { readonly uid: number; readonly gid: number } | undefined => {
  const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, "m").exec(Fs.readFileSync("/etc/passwd", "utf8")) ??
    []
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

/** A server. */
export interface Postgres {
  readonly address: string
  /** What a query gives: a line for each row, with `|` between its columns. */
  readonly query: (text: string) => string
}

/** A server that runs until the scope closes; nothing where there is none. */
export const postgres: Effect.Effect<Postgres | undefined, never, Scope.Scope> = Effect.gen(function* () {
  const bin = found()
  const isRoot = process.getuid?.() === 0
  const ids = isRoot ? idsOf("postgres") ?? idsOf("nobody") : undefined
  if (bin === undefined || isRoot && ids === undefined) return undefined
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-pg-"))
      if (ids !== undefined) Fs.chownSync(folder, ids.uid, ids.gid)
      return folder
    }),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true })),
  )
  const data = `${folder}/data`
  const options = { ...ids, cwd: folder, env: { ...process.env, LC_ALL: "C" } }
  const made = ChildProcess.spawnSync(`${bin}/initdb`, ["-D", data, "-U", "stats", "-A", "trust", "-N"], options)
  if (made.status !== 0) return undefined
  const port = 20_000 + process.pid % 20_000
  const words = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -F`
  const control = (...args: ReadonlyArray<string>) =>
    ChildProcess.spawnSync(`${bin}/pg_ctl`, ["-D", data, "-w", ...args], { ...options, stdio: "ignore" }).status === 0
  const isUp = yield* Effect.acquireRelease(
    Effect.sync(() => control("-l", `${folder}/log`, "-o", words, "start")),
    () => Effect.sync(() => control("-m", "immediate", "stop")),
  )
  const address = `postgres://stats@127.0.0.1:${port}/postgres`
  const psql = [
    bin,
    ...versions().map((version) => `${DEBIAN}/${version}/bin`),
  ].map((folder) => `${folder}/psql`).find((path) => Fs.existsSync(path)) ?? "psql"
  const query = (text: string) => {
    const { status, stdout, stderr } = ChildProcess.spawnSync(psql, [address, "-Atc", text], { encoding: "utf8" })
    if (status !== 0) throw new Error(`psql: ${stderr}`)
    return stdout
  }
  return isUp ? { address, query } : undefined
})
