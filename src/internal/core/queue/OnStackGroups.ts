/**
 * Which times have on-stack entries, and the sequence number that those of one time share.
 *
 * @module
 */
import type { Nanos } from "../../../core/Nanos.ts"

/** The on-stack entries of one time. */
interface Group {
  readonly time: Nanos
  readonly sequence: number
  count: number
}

/** The groups by time. There is hardly ever more than one: that one is found without a map. */
export class OnStackGroups {
  private one: Group | undefined
  private others: Map<Nanos, Group> | undefined

  /** The sequence number of the on-stack entries at `time`, if there are any. */
  sequenceAt(time: Nanos): number | undefined {
    return this.groupAt(time)?.sequence
  }

  /** Counts an entry at `time`, where all have this number. */
  add(time: Nanos, sequence: number): void {
    const group = this.groupAt(time)
    if (group !== undefined) group.count++
    else if (this.one === undefined) this.one = { time, sequence, count: 1 }
    else (this.others ??= new Map()).set(time, { time, sequence, count: 1 })
  }

  /** Counts one less at `time`, where there is one. */
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
