/**
 * Times in the page. Each is two numbers, whole seconds and the ns beyond them, so
 * that nothing is lost however late it is and however far one has zoomed in;
 * doubles hold no more than a distance on the screen.
 *
 * @module
 */
import type { TimeColumn } from "./store.ts"

/** What the page can do with times. */
export interface Times {
  readonly big: (column: TimeColumn, index: number) => bigint
  /** In the largest unit that shows it whole: `1.5 ms`. */
  readonly format: (nanos: bigint) => string
  /** With all digits, in groups: `1 000 250 000 ns`. */
  readonly exact: (nanos: bigint) => string
  /** Where an axis that begins at `from` and is `length` ns long has its ticks, and what they are called. */
  readonly ticks: (from: bigint, length: number, most: number) => {
    readonly base: string
    readonly ticks: ReadonlyArray<{ readonly at: bigint; readonly label: string }>
  }
}

/** Is put into the page as it is: it must not use anything from outside. */
export function times(): Times {
  const BILLION = 1_000_000_000n
  const UNITS = [["s", BILLION], ["ms", 1_000_000n], ["µs", 1_000n], ["ns", 1n]] as const

  const big = ({ seconds, nanos }: TimeColumn, index: number): bigint =>
    BigInt(seconds[index]!) * BILLION + BigInt(nanos[index]!)

  const grouped = (text: string): string => text.replace(/\B(?=(\d{3})+$)/g, "\u202f")

  const format = (nanos: bigint): string => {
    for (const [unit, size] of UNITS) {
      if (nanos < size && size > 1n) continue
      const rest = String(nanos % size).padStart(String(size).length - 1, "0").replace(/0+$/, "")
      const decimals = size === 1n || rest === "" ? "" : `.${rest}`
      return `${grouped(String(nanos / size))}${decimals} ${unit}`
    }
    return `${nanos} ns`
  }

  const exact = (nanos: bigint): string => `${grouped(String(nanos))} ns`

  const ticks: Times["ticks"] = (from, length, most) => {
    const least = Math.max(1, length / Math.max(1, most))
    const power = 10 ** Math.floor(Math.log10(least))
    const factor = [1, 2, 5, 10].find((each) => each * power >= least) ?? 10
    const step = BigInt(Math.round(factor * power))
    const [unit, size] = UNITS.find(([, size]) => step >= size) ?? UNITS[3]
    // Digits that all labels share stand once, at the left.
    const larger = size === BILLION ? undefined : size * 1000n
    const base = larger === undefined || from < larger ? 0n : from / larger * larger
    const found: Array<{ at: bigint; label: string }> = []
    const end = from + BigInt(Math.ceil(length))
    for (let at = (from + step - 1n) / step * step; at <= end; at += step) {
      found.push({ at, label: `${grouped(String((at - base) / size))}${found.length === 0 ? ` ${unit}` : ""}` })
    }
    return { base: base === 0n ? "" : `${format(base)} +`, ticks: found }
  }

  return { big, format, exact, ticks }
}
