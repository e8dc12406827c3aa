/**
 * Finds things in the page: which lanes and messages are shown, who follows whom, and what records say.
 *
 * @module
 */
import type { Page } from "./page.ts"
import type { Hit } from "./drawing.ts"

/** What the page does to show what was found. */
export interface Moves {
  readonly select: (hit: Hit | undefined) => void
  readonly show: (at: bigint) => void
  readonly showLane: (lane: number) => void
  readonly showRecord: (place: number | undefined) => Promise<void>
}

/** Finds things. */
export interface Finding {
  /** Follows a message, what led to it, and its answers; or nothing any more. */
  readonly followIt: (message: number) => void
  readonly filterMessages: () => void
  readonly filterLanes: () => void
  /** Which links, kinds and curves there are to choose from. */
  readonly offer: () => void
  /** Goes to the next record that was searched for, or the one before. */
  readonly searchOn: (by: 1 | -1) => void
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function finding(page: Page, { select, show, showLane, showRecord }: Moves): Finding {
  const { element, put, view, records } = page
  const searchBox = element<HTMLInputElement>("search")
  const FOUND = 10_000
  let found: Array<number> = []
  let foundAt = -1

  const followIt = (message: number) => {
    const { describe } = page.now
    if (page.filter.followed !== undefined) {
      page.filter = { ...page.filter, followed: undefined }
    } else {
      const followed = new Set([message, ...describe.before(message)])
      for (
        let next = describe.answer(message);
        next !== undefined && followed.size < 60;
        next = describe.answer(next)
      ) {
        followed.add(next)
      }
      page.filter = { ...page.filter, followed }
    }
    if (page.selected !== undefined) select(page.selected)
  }
  const filterMessages = () => {
    const { model } = page.now
    const [link, kind] = [element<HTMLSelectElement>("link").value, element<HTMLSelectElement>("kind").value]
    const text = element<HTMLInputElement>("text").value.toLowerCase()
    const onlyLost = element<HTMLInputElement>("only-lost").checked
    const shows = (index: number): boolean =>
      (link === "" || model.textOf(model.messages, index, "link") === link) &&
      (kind === "" || model.textOf(model.messages, index, "kind") === kind) &&
      (text === "" || model.textOf(model.messages, index, "text").toLowerCase().includes(text)) &&
      (!onlyLost || model.textOf(model.messages, index, "lost") !== "" || model.get(model.messages, index, "again") > 0)
    page.filter = { ...page.filter, shows, showsAll: link === "" && kind === "" && text === "" && !onlyLost }
    page.redraw()
  }
  const filterLanes = () => {
    const { model } = page.now
    const wanted = element<HTMLInputElement>("filter").value.toLowerCase()
    const withCalendar = element<HTMLInputElement>("show-calendar").checked
    page.lanes = model.lanes.flatMap(({ info: { name, kind, source }, segments }, index) =>
      name.toLowerCase().includes(wanted) && (withCalendar || kind !== "calendar") &&
        (source >= 0 || model.lanes[index]!.spans.length > 0 || segments.length > 0)
        ? [index]
        : []
    )
    view.top = 0
    page.redraw()
  }
  const options = (id: string, texts: ReadonlyArray<string>) => {
    const box = element<HTMLSelectElement>(id)
    const before = box.value
    while (box.options.length > 1) box.remove(1)
    for (const text of texts) {
      const option = document.createElement("option")
      option.value = option.textContent = text
      box.append(option)
    }
    box.value = texts.includes(before) ? before : ""
  }
  const offer = () => {
    const { model, curves } = page.now
    const { messages } = model
    const [links, kinds] = [new Set<string>(), new Set<string>()]
    for (let at = 0; at < messages.length; at++) {
      links.add(model.textOf(messages, at, "link"))
      kinds.add(model.textOf(messages, at, "kind"))
    }
    options("link", [...links].sort())
    options("kind", [...kinds].filter((kind) => kind !== "").sort())
    const box = element("curve-choices")
    box.replaceChildren()
    for (const index of curves.choices.slice(0, 300)) {
      const { info } = model.series[index]!
      const label = put(box, "label", "")
      const check = document.createElement("input")
      check.type = "checkbox"
      check.checked = curves.chosen.has(index)
      check.addEventListener("change", () => {
        if (check.checked) page.now.curves.chosen.add(index)
        else page.now.curves.chosen.delete(index)
        page.now.curves.rebuild(page.theme)
        page.redraw()
      })
      label.append(check, `${model.lanes[info.lane]?.info.name ?? ""}: ${info.name}`)
    }
    if (curves.choices.length === 0) put(box, "p", "Nothing was measured that changes.", "hint")
  }

  // ------------------------------------------------------------------------ searching

  /** The thing that a record began, or else happened in. */
  const hitOf = (line: string, place: number): Hit | undefined => {
    const { model } = page.now
    const { s } = JSON.parse(line) as { readonly s: number }
    const lane = model.lanes.findIndex(({ info }) => info.source === s)
    if (lane < 0) return undefined
    const of = model.lanes[lane]!
    const find = (kind: Hit["kind"], column: string): Hit | undefined => {
      const rows = page.now.drawing.rowsOf({ lane, kind, pid: 0, index: 0 })
      for (let index = 0; index < rows.length; index++) {
        if (model.get(rows, index, column) !== place) continue
        return { lane: kind === "messages" ? model.get(rows, index, "lane") : lane, kind, pid: 0, index }
      }
      return undefined
    }
    const known = find("messages", "record") ?? find("messages", "toRecord") ?? find("acts", "record") ??
      find("instants", "record")
    if (known !== undefined) return known
    const kind = of.info.isWorlds && view.axis === 0 && of.segments.length > 0 ? "segments" : "spans"
    const rows = page.now.drawing.rowsOf({ lane, kind, pid: 0, index: 0 })
    let index = 0
    while (index + 1 < rows.length && model.get(rows, index + 1, "record") <= place) index++
    return rows.length === 0 ? undefined : { lane, kind, pid: 0, index }
  }
  const goTo = async (index: number) => {
    if (found.length === 0) return
    foundAt = (index + found.length) % found.length
    const place = found[foundAt]!
    const line = await records.line(place)
    if (line === undefined) return
    const { s, t, r } = JSON.parse(line) as { readonly s: number; readonly t: string; readonly r: string }
    const info = page.now.model.data.lanes.find(({ source }) => source === s)
    const hit = hitOf(line, place)
    if (hit !== undefined) {
      showLane(hit.lane)
      select(hit)
    }
    show(view.axis === 0 ? BigInt(t) + BigInt(info?.offset ?? 0) : BigInt(r) + BigInt(info?.realOffset ?? 0))
    await showRecord(place)
    element("found").textContent = `${foundAt + 1} of ${found.length}${found.length === FOUND ? "+" : ""}`
  }
  const search = async (words: string) => {
    found = []
    foundAt = -1
    element("found").textContent = words === "" ? "" : "…"
    const mine = found
    if (words !== "") await records.search(words, FOUND, (place) => mine.push(place))
    if (mine !== found) return
    element("found").textContent = words === "" ? "" : found.length === 0 ? "nothing" : `${found.length} found`
    if (found.length > 0) await goTo(0)
  }
  let asked = ""
  const searchOn = (by: 1 | -1) => {
    if (searchBox.value === asked) void goTo(foundAt + by)
    else void search(asked = searchBox.value)
  }

  return { followIt, filterMessages, filterLanes, offer, searchOn }
}
