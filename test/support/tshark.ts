/**
 * tshark, which reads files of captured frames: of Debian's package `tshark`, if it is there and works.
 *
 * @module
 */
import { spawnSync } from "node:child_process"
import type { TestContext } from "vitest"
import * as LeftOut from "../../scripts/leftOut.ts"

/** What root is told each time, and nobody needs. */
const ROOT = /^Running as user "root" and group "root"\. This could be dangerous\.\n/m

const ran = (command: string, args: ReadonlyArray<string>) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 })
  return { isThere: error === undefined, code: status, stdout: stdout ?? "", stderr: (stderr ?? "").replace(ROOT, "") }
}

/** Whether it is there: it says which version it is. */
const works = /^TShark .*\d/.test(ran("tshark", ["--version"]).stdout)

/** Whether a test is left out for want of it, which is noted. */
export const isLeftOut = async (context: TestContext, what: string): Promise<boolean> => {
  if (!works) await LeftOut.note(context, what, "Debian's package tshark")
  return !works
}

/** Its checks of checksums, which it leaves out by itself as network cards make them. */
const CHECKS = ["ip.check_checksum", "udp.check_checksum", "tcp.check_checksum"].flatMap((
  name,
) => ["-o", `${name}:TRUE`])

/** What it prints of a file. Whatever it complains about is thrown. */
export const read = (path: string, ...args: ReadonlyArray<string>): string => {
  const { code, stdout, stderr } = ran("tshark", ["-n", ...CHECKS, "-r", path, ...args])
  if (code !== 0 || stderr !== "") throw new Error(`tshark exited with ${code}: ${stderr}`)
  return stdout
}

/** These fields of each frame. */
export const fields = (path: string, names: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  read(path, "-T", "fields", ...names.flatMap((name) => ["-e", name])).split("\n").slice(0, -1)
    .map((line) => line.split("\t"))

/** What is wrong with frames, as far as it knows: none of them is to be malformed, or have a wrong checksum. */
export const complaints = (path: string): string => {
  const wrong = ["ip", "udp", "tcp", "icmp"].map((protocol) => `${protocol}.checksum.status == 0`)
  return read(path, "-Y", ["_ws.malformed", ...wrong].join(" || "))
}
