/**
 * The TypeScript programs in documents and doc comments, and what they say that
 * they print.
 *
 * @module
 */

/** A block of code marked `ts`. */
export interface Snippet {
  /** The file and the line where it begins. */
  readonly where: string
  readonly code: string
  /** What its comments say that it prints, line by line; `…` stands for anything. */
  readonly prints: ReadonlyArray<string>
}

const FENCE = /^```(\w*)/

/** A line that prints, maybe with what it prints behind it. */
const PRINTING = /\b(?:console\.log|runPromise|runSync)\(/

/**
 * What the code says that it prints: the comments behind lines that print, and on
 * the lines right below.
 */
export const printsOf = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const prints: Array<string> = []
  let printing = false
  for (const line of lines) {
    const [, code = "", comment] = /^(.*?)(?:(?:^|\s)\/\/ (.*))?$/.exec(line) ?? []
    printing = PRINTING.test(code) || printing && code.trim() === "" && comment !== undefined
    if (printing && comment !== undefined) prints.push(comment)
  }
  return prints
}

/** The snippets of a document, or of a source file's doc comments. */
export const snippetsOf = (path: string, text: string): ReadonlyArray<Snippet> => {
  const lines = text.split("\n").map((line) =>
    path.endsWith(".md") ? line : /^\s*\*(?!\/) ?(.*)$/.exec(line)?.[1] ?? ""
  )
  const snippets: Array<Snippet> = []
  let begin: number | undefined
  let language = ""
  lines.forEach((line, index) => {
    const fence = FENCE.exec(line)
    if (fence === null) return
    if (begin === undefined) {
      begin = index + 1
      language = fence[1] ?? ""
      return
    }
    const block = lines.slice(begin, index)
    if (language === "ts") {
      snippets.push({ where: `${path}:${begin}`, code: block.join("\n") + "\n", prints: printsOf(block) })
    }
    begin = undefined
  })
  return snippets
}

/** Whether a line is what a snippet says. */
export const matches = (line: string, says: string): boolean => {
  const parts = says.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
  return new RegExp(`^${parts.join(".*")}$`).test(line)
}
