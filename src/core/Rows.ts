/**
 * The entries of a queue as numbers, apart from their events.
 *
 * @module
 */
import type { Nanos } from "./Nanos.ts"

/** A pending event. */
export interface Entry<E> {
  readonly event: E
  /** When it is due, in guest nanoseconds. */
  readonly time: Nanos
  /** Whether it stands for a guest that is busy until `time` (SPEC 4). */
  readonly onStack: boolean
}

/** An entry and the rest of its order key: how two versions differ. */
export interface Item<E> extends Entry<E> {
  readonly place: number
  readonly born: number
}

// One time as two halves, whichever comes first on this host: in V8 it halves the time that Number(time) takes.
const LOW = new Uint32Array(BigUint64Array.of(1n).buffer)[0] === 1 ? 0 : 1
const HIGH = 1 - LOW

/** The same number, but not as a double if it needn't be one: in an object V8 has those in boxes. */
const small = (whole: number): number => whole < 2 ** 31 ? whole | 0 : whole

/**
 * All of the entries but their events, by slot. Four numbers each, side by side: the time,
 * the place, when it was born, and whether it is on-stack. An object that lives as long as
 * its entry is pending would make most of the work of a garbage collector.
 */
export class Rows {
  readonly times: BigUint64Array<ArrayBuffer>
  readonly numbers: Float64Array<ArrayBuffer>
  readonly halves: Uint32Array<ArrayBuffer>

  constructor(buffer: ArrayBuffer) {
    this.times = new BigUint64Array(buffer)
    this.numbers = new Float64Array(buffer)
    this.halves = new Uint32Array(buffer)
  }

  /** The entry of the event in a slot. */
  item<E>(event: E, slot: number): Item<E> {
    const { numbers } = this
    return {
      event,
      time: this.times[4 * slot] as Nanos,
      onStack: numbers[4 * slot + 3] === 1,
      place: small(numbers[4 * slot + 1]!),
      born: small(numbers[4 * slot + 2]!),
    }
  }

  set<E>(slot: number, { time, place, born, onStack }: Item<E>): void {
    const { numbers } = this
    this.times[4 * slot] = time
    numbers[4 * slot + 1] = place
    numbers[4 * slot + 2] = born
    numbers[4 * slot + 3] = onStack ? 1 : 0
  }

  /** The time in a slot as a double, which may be rounded. */
  key(slot: number): number {
    const { halves } = this
    return halves[8 * slot + HIGH]! * 2 ** 32 + halves[8 * slot + LOW]!
  }

  /** A copy of the first so many. */
  copy(count: number): Rows {
    return new Rows(this.times.buffer.slice(0, 32 * count))
  }
}

/** Room for so many entries. */
export const rowsFor = (room: number): Rows => new Rows(new ArrayBuffer(32 * room))
