/**
 * The page of a world that still runs: it asks for what is new, and says what its calendar is to do.
 *
 * @module
 */
import type { Controls, Page } from "./page.ts"
import type { PageData } from "./data.ts"

/** What is new since the page asked last. */
export interface News {
  readonly chunks: ReadonlyArray<string>
  readonly records: ReadonlyArray<readonly [bytes: string, count: number]>
  readonly data: PageData
  /** What its calendar does just now. */
  readonly state: "running" | "paused" | "over"
  readonly pace: number | null
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function live(
  page: Page,
  controls: Controls,
  add: (chunk: string) => Promise<void>,
  addRecords: (bytes: string, count: number) => void,
): void {
  const EVERY_MS = 250
  const { element } = page
  let [chunks, records] = [0, 0]
  const say = (text: string) => {
    element("live-state").textContent = text
  }
  const ask = async () => {
    try {
      const response = await fetch(`news?chunks=${chunks}&records=${records}`)
      if (!response.ok) throw new Error(`${response.status}`)
      const news = await response.json() as News
      for (const chunk of news.chunks) await add(chunk)
      for (const [bytes, count] of news.records) addRecords(bytes, count)
      chunks += news.chunks.length
      records += news.records.length
      if (news.chunks.length > 0 || news.state === "over") {
        page.update(news.data)
        controls.grown()
      }
      element("pause").textContent = news.state === "paused" ? "go on" : "pause"
      say(news.state === "over" ? "it is over" : news.state)
      if (document.activeElement !== element("pace")) {
        element<HTMLInputElement>("pace").value = news.pace === null ? "" : String(news.pace)
      }
      for (const id of ["pause", "step", "pace"]) element<HTMLButtonElement>(id).disabled = news.state === "over"
      document.documentElement.dataset["live"] = news.state
      if (news.state === "over") return
    } catch {
      say("its process is gone")
      document.documentElement.dataset["live"] = "gone"
      return
    }
    setTimeout(ask, EVERY_MS)
  }
  const tell = (what: string) => void fetch(`control/${what}`, { method: "POST" })
  element("pause").addEventListener("click", () => tell(element("pause").textContent === "pause" ? "pause" : "resume"))
  element("step").addEventListener("click", () => tell("step"))
  element("pace").addEventListener("change", () => {
    const pace = element<HTMLInputElement>("pace").value.trim()
    tell(`pace/${pace === "" ? "none" : encodeURIComponent(pace)}`)
  })
  void ask()
}
