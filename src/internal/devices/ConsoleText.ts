/**
 * The text of a kernel's console, for error messages: its last lines, and the panic.
 *
 * @module
 */

/** How many lines of a console are shown before a panic, and how many from its end. */
const LINES = { beforePanic: 8, end: 4 }

/** A line of a console without its log level, which a kernel prints until its console driver is there. */
export const withoutLevel = (line: string): string => line.replace(/^<\d>/, "")

/** What a kernel's console says about its end: the panic, if there is one, and the last lines. */
export const lastLines = (printed: string): string => {
  const lines = printed.split("\n").map((line) => withoutLevel(line).trimEnd()).filter((line) => line !== "")
  if (lines.length === 0) return "It printed nothing."
  const panic = lines.findIndex((line) => line.includes("Kernel panic"))
  const end = lines.length - LINES.end
  const shown = panic === -1 || panic >= end
    ? lines.slice(-LINES.beforePanic - LINES.end)
    : [...lines.slice(Math.max(0, panic - LINES.beforePanic), panic + 1), "…", ...lines.slice(Math.max(panic + 1, end))]
  return `The last lines of its console:\n${shown.map((line) => `  | ${line}`).join("\n")}`
}
