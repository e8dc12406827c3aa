/**
 * The waits view: which process waited for what, how often and how long, as a table with a histogram of each wait.
 *
 * @module
 */
import type { Model } from "./model.ts"
import type { Times } from "./times.ts"

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function waits(
  model: Model,
  times: Times,
  parent: HTMLElement,
): { readonly show: (lanes: ReadonlyArray<number>) => void } {
  const MOST = 400

  /** When the b-th bucket begins, in ns: two for each power of two. */
  const beginOf = (bucket: number): number => {
    const bits = Math.floor(bucket / 2)
    return bits < 1 ? 0 : 2 ** (bits - 1) * (bucket % 2 === 1 ? 1.5 : 1)
  }
  const cell = (row: HTMLElement, tag: "td" | "th", text: string, isNumber = false): HTMLElement => {
    const made = document.createElement(tag)
    made.textContent = text
    if (isNumber) made.className = "number"
    row.append(made)
    return made
  }
  const histogram = (buckets: ReadonlyArray<number>): HTMLElement => {
    const first = buckets.findIndex((count) => count > 0)
    const used = buckets.slice(first)
    const most = Math.max(...used)
    const box = document.createElement("div")
    box.className = "histogram"
    const spans = used.map((count, index) => {
      const [from, to] = [beginOf(first + index), beginOf(first + index + 1)]
      return {
        count,
        text: `${times.format(BigInt(Math.round(from)))} to ${times.format(BigInt(Math.round(to)))}: ${count}×`,
      }
    })
    box.setAttribute("role", "img")
    box.setAttribute("aria-label", spans.filter(({ count }) => count > 0).map(({ text }) => text).join("; "))
    for (const { count, text } of spans) {
      const bar = document.createElement("i")
      bar.style.height = `${count === 0 ? 0 : Math.max(2, count / most * 26)}px`
      bar.title = text
      box.append(bar)
    }
    return box
  }

  return {
    show: (lanes) => {
      const rows = lanes.flatMap((lane) =>
        model.lanes[lane]!.info.waited.map((each) => ({ ...each, guest: model.lanes[lane]!.info.name }))
      )
      rows.sort((a, b) => Number(BigInt(b.total) - BigInt(a.total)))
      const table = document.createElement("table")
      const caption = document.createElement("caption")
      caption.textContent = rows.length === 0
        ? "No process of a world has waited, or none is in this trace."
        : "Who waited, for what and for whom, the longest first"
      const head = document.createElement("tr")
      for (
        const text of [
          "guest",
          "process",
          "waited for",
          "which had or sent",
          "times",
          "in all",
          "on average",
          "how long each",
        ]
      ) {
        cell(head, "th", text, ["times", "in all", "on average"].includes(text))
      }
      table.append(caption, head)
      for (const { guest, who, what, whom, times: count, total, buckets } of rows.slice(0, MOST)) {
        const row = document.createElement("tr")
        cell(row, "td", guest)
        cell(row, "td", who === guest ? "its program" : who)
        cell(row, "td", what)
        cell(row, "td", whom === "" ? "–" : whom)
        cell(row, "td", count.toLocaleString("en"), true)
        cell(row, "td", times.format(BigInt(total)), true)
        cell(row, "td", times.format(BigInt(total) / BigInt(Math.max(1, count))), true)
        cell(row, "td", "").append(histogram(buckets))
        table.append(row)
      }
      parent.replaceChildren(table)
    },
  }
}
