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
  /** Not so if it is marked `ts no-run`: then only its types are checked. */
  readonly runs: boolean
  /** What its comments say that it prints, line by line; `…` stands for anything. */
  readonly prints: ReadonlyArray<string>
}

const FENCE = /^```(.*)/

/** A line that prints, maybe with what it prints behind it. */
const PRINTING = /\b(?:[cC]onsole\.log|runPromise|runSync)\(/

/**
 * What the code says that it prints: the comments behind statements that print,
 * and on the lines right below.
 */
export const printsOf = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const prints: Array<string> = []
  let printing = false
  /** How a line begins that ends a statement that prints and goes over several lines. */
  let end: string | undefined
  for (const line of lines) {
    const [, code = "", comment] = /^(.*?)(?:(?:^|\s)\/\/ (.*))?$/.exec(line) ?? []
    const begins = PRINTING.test(code)
    const ends = end !== undefined && code.startsWith(end) && /^[\])}]/.test(code.slice(end.length))
    printing = begins || ends || printing && code.trim() === "" && comment !== undefined
    if (begins) end = /[[({]\s*$/.test(code) ? /^\s*/.exec(code)?.[0] : undefined
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
    const [name, how] = language.split(" ")
    if (name === "ts") {
      const runs = how !== "no-run"
      snippets.push({
        where: `${path}:${begin}`,
        code: `${block.join("\n")}\n`,
        runs,
        prints: runs ? printsOf(block) : [],
      })
    }
    begin = undefined
  })
  return snippets
}

/** A pattern for output that is what a snippet says, however its white space goes. */
export const patternOf = (prints: ReadonlyArray<string>): RegExp => {
  const words = prints.join(" ").replace(/[.*+?^${}()|[\]\\]/g, "\\$&").split(/\s+/)
  return new RegExp(`^\\s*${words.join("\\s+").replaceAll("…", "[^]*")}\\s*$`)
}
