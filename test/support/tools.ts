/**
 * Machines that have other tools than this one: folders of fake executables, which
 * are all there is on the path, or are found first.
 *
 * @module
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"

/** What a fake executable does: the text of a shell script, which has this machine's own tools on its path. */
export type Script = string

/** Executables by their names. */
export type Tools = { readonly [name: string]: Script }

/** Ends with 1, and says so. */
export const FAILS: Script = "echo 'error: it is broken' >&2; exit 1"

/** Ends with 0 whatever it is asked for, and does nothing. */
export const DOES_NOTHING: Script = "exit 0"

/** What these tests change, and put back. */
const VARIABLES = ["PATH", "CHROMIUM", "GUEST_CLOCK_CACHE", "GUEST_CLOCK_PEERS"]

/**
 * Runs `use` where nothing was built or found before, and there are only these tools, or
 * `also` the folders of another path. What `use` is given is the folder of the tools.
 */
export const withTools = async <A>(
  tools: Tools,
  use: (folder: string) => A | Promise<A>,
  also: ReadonlyArray<string> = [],
): Promise<A> => {
  const before = VARIABLES.map((name) => [name, process.env[name]] as const)
  const root = Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-tools-"))
  const folder = Path.join(root, "bin")
  Fs.mkdirSync(folder)
  for (const [name, script] of Object.entries(tools)) {
    Fs.writeFileSync(Path.join(folder, name), `#!/bin/sh\nPATH='${process.env["PATH"]}'\n${script}\n`, { mode: 0o755 })
  }
  try {
    for (const name of VARIABLES) delete process.env[name]
    process.env["PATH"] = [folder, ...also].join(Path.delimiter)
    process.env["GUEST_CLOCK_CACHE"] = Path.join(root, "cache")
    return await use(folder)
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    Fs.rmSync(root, { recursive: true })
  }
}

/**
 * A compiler of programs that do what `program` says, a shell script's text without double
 * quotes. Words that match one of the patterns in `not` it finds fault with.
 */
export const compiler = (program: Script, ...not: ReadonlyArray<string>): Script =>
  [
    ...not.map((pattern) => `case "$*" in ${pattern}) echo 'fatal error: no such thing' >&2; exit 1;; esac`),
    'made=; for word; do [ "$last" = -o ] && made=$word; last=$word; done',
    '[ -n "$made" ] || exit 0',
    `printf '%s\\n' '#!/bin/sh' "${program}" >"$made" && chmod +x "$made"`,
  ].join("\n")
