/**
 * How long things took, as a histogram on a logarithmic scale.
 *
 * @module
 */

/** How many bins there are for each doubling: what is read is right to a fifth. */
const PER_DOUBLING = 4

/** Lengths of real time. */
export class Latency {
  count = 0
  maxMs = 0
  readonly #bins: Array<number> = []

  record(ms: number): void {
    this.count++
    if (ms > this.maxMs) this.maxMs = ms
    const bin = Math.max(0, Math.floor(PER_DOUBLING * Math.log2(ms * 1000)))
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1
  }

  /** All that the other has recorded, too. */
  add(other: Latency): void {
    this.count += other.count
    this.maxMs = Math.max(this.maxMs, other.maxMs)
    other.#bins.forEach((count, bin) => this.#bins[bin] = (this.#bins[bin] ?? 0) + count)
  }

  /** What so much of them, from 0 to 1, took at most, in ms. */
  quantile(part: number): number {
    let left = part * this.count
    for (const [bin, count] of this.#bins.entries()) {
      left -= count ?? 0
      if (left <= 0) return Math.min(this.maxMs, 2 ** ((bin + 1) / PER_DOUBLING) / 1000)
    }
    return this.maxMs
  }
}
