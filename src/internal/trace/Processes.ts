/**
 * What the processes of a guest of a world did and waited for, from when to when, and for whom.
 *
 * @module
 */
import type { WorldNote } from "../../services/Tracer.ts"
import type { Segment, Waited } from "./Lanes.ts"

interface Process {
  readonly name: string
  /** What it waits for, by the numbers of these waits. */
  readonly waits: Map<number, Wait>
  state: string
  since: bigint
  realSince: bigint
  record: number
  isOver: boolean
}

interface Wait {
  readonly what: string
  readonly since: bigint
  /** The processes that held what it waits for when it began to wait. */
  readonly holders: string
}

/** What a wait is for: time, a message, something that others have, or anything else. */
const categoryOf = (waits: ReadonlyArray<string>): Segment["waits"] =>
  waits.length === 0
    ? "nothing"
    : waits.some((what) => what.startsWith("receive on "))
    ? "message"
    : waits.some((what) => /^(?:request|put|get|amount|any|all)\b/.test(what))
    ? "others"
    : waits.every((what) => what === "hold" || what === "sleep")
    ? "time"
    : "others"

/** The processes of one guest. */
export class Processes {
  readonly #tell: (segment: Segment) => void
  readonly #processes = new Map<number, Process>()
  readonly #processOf = new Map<number, number>()
  /** The holders of each resource, by its name. */
  readonly #holders = new Map<string, Map<number, string>>()
  /** The last message that has arrived, by link. */
  readonly #arrived = new Map<string, { readonly text: string; readonly at: bigint }>()
  /** For how long it was waited, for what and whom. */
  readonly #waited = new Map<
    string,
    { times: number; total: bigint; buckets: Array<number> } & Omit<Waited, "buckets">
  >()

  /** Of a guest of this name, whose program is process 0. */
  constructor(guest: string, tell: (segment: Segment) => void) {
    this.#tell = tell
    this.#spawn(0, guest, { at: 0n, real: 0n, record: 0 })
  }

  /** By number, the name of each. */
  get names(): ReadonlyArray<string> {
    return [...this.#processes.values()].map(({ name }) => name)
  }

  get waited(): ReadonlyArray<Waited> {
    return [...this.#waited.values()]
  }

  #spawn(id: number, name: string, { at, real, record }: At): void {
    const place = { since: at, realSince: real, record }
    this.#processes.set(id, { name, waits: new Map(), state: "", isOver: false, ...place })
  }

  take(note: WorldNote, at: At): void {
    switch (note._tag) {
      case "Spawned":
        return this.#spawn(note.pid, note.name, at)
      case "Exited":
        return this.#change(note.pid, at, "", (known) => {
          known.isOver = true
        })
      case "Over":
        for (const id of this.#processes.keys()) {
          this.#change(id, at, "", (known) => {
            known.isOver = true
          })
        }
        return
      case "Doing":
        if (this.#processes.get(note.pid)?.state === note.state) return
        return this.#change(note.pid, at, "", (known) => {
          known.state = note.state
        })
      case "Waits": {
        const { wait, what } = note
        this.#processOf.set(wait, note.pid)
        const holders = [...this.#holders.get(what.replace(/^\w+ on /, ""))?.values() ?? []].join(", ")
        return this.#change(note.pid, at, "", ({ waits }) => waits.set(wait, { what, since: at.at, holders }))
      }
      case "Waited": {
        const id = this.#processOf.get(note.wait)
        this.#processOf.delete(note.wait)
        if (id === undefined) return
        const wait = this.#processes.get(id)?.waits.get(note.wait)
        const by = wait === undefined ? "" : this.#cause(note, wait, at.at)
        if (wait !== undefined) this.#count(id, wait, at.at, by)
        return this.#change(id, at, by, ({ waits }) => waits.delete(note.wait))
      }
      case "Holds": {
        const { of, units, pid } = note
        let holders = this.#holders.get(of)
        if (holders === undefined) this.#holders.set(of, holders = new Map())
        if (units === 0) holders.delete(pid)
        else holders.set(pid, this.#processes.get(pid)?.name ?? "")
        return
      }
      case "Arrived":
        this.#arrived.set(note.link, { text: `#${note.id} from ${note.from}`, at: at.at })
        return
    }
  }

  /** What has ended a wait: a message, or another process. */
  #cause({ by, interrupted }: Extract<WorldNote, { readonly _tag: "Waited" }>, { what }: Wait, at: bigint): string {
    const name = by === undefined ? "" : this.#processes.get(by)?.name ?? ""
    if (name !== "") return interrupted === true ? `${name}, which interrupted it` : name
    const message = what.startsWith("receive on ") ? this.#arrived.get(what.slice("receive on ".length)) : undefined
    return message?.at === at ? message.text : interrupted === true ? "an interrupt" : ""
  }

  #count(id: number, { what, since, holders }: Wait, at: bigint, by: string): void {
    if (at === since) return
    const who = this.#processes.get(id)!.name
    const whom = holders !== "" ? holders : by.replace(/^#\d+ from /, "")
    const key = `${who}\n${what}\n${whom}`
    let waited = this.#waited.get(key)
    if (waited === undefined) {
      this.#waited.set(key, waited = { who, what, whom, times: 0, total: 0n, buckets: [] })
    }
    const length = at - since
    waited.times++
    waited.total += length
    // Two buckets for each power of two.
    const bits = length.toString(2).length
    const bucket = 2 * bits + (bits > 1 && (length >> BigInt(bits - 2)) === 3n ? 1 : 0)
    while (waited.buckets.length <= bucket) waited.buckets.push(0)
    waited.buckets[bucket]!++
  }

  #change(id: number, at: At, by: string, change: (known: Process) => void): void {
    const known = this.#processes.get(id)
    if (known === undefined) return
    this.#end(id, known, at, by)
    change(known)
  }

  #end(id: number, known: Process, { at, real, record }: At, by: string): void {
    if (at === known.since && known.waits.size > 0 && real === known.realSince) return
    if (at > known.since && !known.isOver) {
      const waits = [...known.waits.values()]
      this.#tell({
        pid: id,
        from: known.since,
        to: at,
        realFrom: known.realSince,
        realTo: real,
        state: known.state,
        waits: categoryOf(waits.map(({ what }) => what)),
        what: waits.map(({ what }) => what).join(", "),
        whom: waits.map(({ holders }) => holders).filter((each) => each !== "").join(", "),
        by,
        record: known.record,
      })
    }
    known.since = at
    known.realSince = real
    known.record = record
  }

  /** There is no more, after this. */
  close(at: At): void {
    for (const [id, known] of this.#processes) this.#end(id, known, at, "")
  }
}

/** When something was, and which record tells of it. */
interface At {
  readonly at: bigint
  readonly real: bigint
  readonly record: number
}
