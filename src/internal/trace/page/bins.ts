/**
 * Many rows in bins of time: what they come to at once, so that a million of them are drawn as quickly as a few.
 *
 * @module
 */
import type { Axis, Model, Rows } from "./model.ts"

/** How much of each bin something has, by what it is. */
export interface Binned<Key> {
  readonly bins: number
  readonly by: ReadonlyMap<Key, Float32Array>
}

/** Bins of rows, made when they are asked for first. */
export interface Bins {
  /** How many rows begin in a part of time, in seconds. */
  readonly count: (rows: Rows, axis: Axis, from: number, to: number) => number
  /** The shares of bins that rows cover, by what `keyOf` says of each. */
  readonly covered: <Key>(rows: Rows, axis: Axis, keyOf: (index: number) => Key) => Binned<Key>
  /** How many rows are in each bin: where `placeOf` says of each, at its begin and at its end. */
  readonly counted: <Key>(
    rows: Rows,
    axis: Axis,
    groups: number,
    add: (index: number, at: (key: Key, isEnd: boolean) => void) => void,
  ) => Binned<Key>
  /** The first and the last bin of a part of time, as a share of all of it. */
  readonly rangeOf: (binned: Binned<unknown>, axis: Axis, from: number, to: number) => readonly [number, number]
}

/** Is put into the page as it is: it must not use anything from outside. */
export function bins(model: Model): Bins {
  const known = new WeakMap<Rows, Map<string, Binned<unknown>>>()
  const beginOf = (axis: Axis): number => Number(model.begin[axis]) / 1e9
  const lengthOf = (axis: Axis): number => Math.max(1e-9, Number(model.end[axis] - model.begin[axis]) / 1e9 * 1.0001)

  const kept = <Key>(rows: Rows, key: string, make: () => Binned<Key>): Binned<Key> => {
    let of = known.get(rows)
    if (of === undefined) known.set(rows, of = new Map())
    let binned = of.get(key)
    if (binned === undefined) of.set(key, binned = make())
    return binned as Binned<Key>
  }
  const secondsOf = (
    rows: Rows,
    axis: Axis,
  ): { readonly from: (at: number) => number; readonly to: (at: number) => number } => {
    const [from, to] = [rows.from[axis], rows.to[axis]]
    const { ids } = rows
    const begin = beginOf(axis)
    return {
      from: (at) => from.seconds[ids[at]!]! - begin + from.nanos[ids[at]!]! / 1e9,
      to: (at) => to.seconds[ids[at]!]! - begin + to.nanos[ids[at]!]! / 1e9,
    }
  }

  return {
    count: (rows, axis, from, to) => {
      const { from: at } = secondsOf(rows, axis)
      const begin = beginOf(axis)
      const firstAt = (seconds: number): number => {
        let [low, high] = [0, rows.length]
        while (low < high) {
          const middle = (low + high) >> 1
          if (at(middle) < seconds - begin) low = middle + 1
          else high = middle
        }
        return low
      }
      return firstAt(to) - firstAt(from)
    },
    covered: (rows, axis, keyOf) =>
      kept(rows, `covered ${axis}`, () => {
        const bins = 2 ** Math.min(17, Math.max(13, Math.ceil(Math.log2(rows.length / 2))))
        const by = new Map<ReturnType<typeof keyOf>, Float32Array>()
        const { from, to } = secondsOf(rows, axis)
        const scale = bins / lengthOf(axis)
        for (let at = 0; at < rows.length; at++) {
          const key = keyOf(at)
          let shares = by.get(key)
          if (shares === undefined) by.set(key, shares = new Float32Array(bins + 1))
          const [left, right] = [Math.max(0, from(at) * scale), Math.min(bins, to(at) * scale)]
          for (let bin = Math.floor(left); bin < right; bin++) {
            shares[bin]! += Math.min(right, bin + 1) - Math.max(left, bin)
          }
        }
        return { bins, by }
      }),
    counted: (rows, axis, groups, add) =>
      kept(rows, `counted ${axis}`, () => {
        const bins = 2 ** Math.floor(Math.log2(Math.max(1024, Math.min(16_384, 2 ** 21 / Math.max(1, groups)))))
        const by = new Map<Parameters<Parameters<typeof add>[1]>[0], Float32Array>()
        const { from, to } = secondsOf(rows, axis)
        const scale = bins / lengthOf(axis)
        for (let at = 0; at < rows.length; at++) {
          add(at, (key, isEnd) => {
            let counts = by.get(key)
            if (counts === undefined) by.set(key, counts = new Float32Array(bins + 1))
            counts[Math.max(0, Math.min(bins, Math.floor((isEnd ? to(at) : from(at)) * scale)))]! += 1
          })
        }
        return { bins, by }
      }),
    rangeOf: ({ bins }, axis, from, to) => {
      const scale = bins / lengthOf(axis)
      return [(from - beginOf(axis)) * scale, (to - beginOf(axis)) * scale]
    },
  }
}
