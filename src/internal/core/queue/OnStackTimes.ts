/**
 * Where on-stack entries stand among all others.
 *
 * @module
 */
import type { Nanos } from "../../../core/Nanos.ts"

/** What is on-stack at one time: the place of them all, and how many they are. */
interface Group {
  readonly time: Nanos
  readonly place: number
  count: number
}

/** The times that have on-stack entries. There is hardly ever more than one: that one is found without a map. */
export class OnStackTimes {
  private one: Group | undefined
  private others: Map<Nanos, Group> | undefined

  /** The place of those at `time`, if there are any. */
  placeAt(time: Nanos): number | undefined {
    return this.groupAt(time)?.place
  }

  /** One more at `time`, where all have this place. */
  add(time: Nanos, place: number): void {
    const group = this.groupAt(time)
    if (group !== undefined) group.count++
    else if (this.one === undefined) this.one = { time, place, count: 1 }
    else (this.others ??= new Map()).set(time, { time, place, count: 1 })
  }

  /** One less at `time`, where there is one. */
  remove(time: Nanos): void {
    const group = this.groupAt(time)!
    if (--group.count > 0) return
    if (group === this.one) this.one = undefined
    else this.others!.delete(time)
  }

  private groupAt(time: Nanos): Group | undefined {
    return this.one !== undefined && this.one.time === time ? this.one : this.others?.get(time)
  }
}
