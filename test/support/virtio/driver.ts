/**
 * A driver's side of split virtqueues, in memory that a test has: what a kernel does with its rings.
 *
 * @module
 */
import * as Memory from "../../../src/internal/virtio/Memory.ts"
import * as Virtqueue from "../../../src/internal/virtio/Virtqueue.ts"

/** Where the kernel's memory begins, to its devices, and to its own process. */
export const GUEST = 0x1_0000n
export const USER = 0x7f00_0000_0000n

/** A buffer of a chain: bytes that the device reads, or room for so many that it writes. */
export type Buffer = Uint8Array | number

/** One queue of a driver, in memory of its own. */
export class Driver {
  readonly size: number
  readonly file: Uint8Array
  readonly view: DataView
  readonly addresses: Virtqueue.Addresses
  readonly region: Memory.Region
  /** Where each ring begins in the file. */
  readonly at: { readonly descriptors: number; readonly available: number; readonly used: number }
  #free: number
  #next = 0
  #available: number
  #seen: number

  readonly #guest: bigint

  constructor({
    size = 8,
    fileBytes = 65_536,
    from = 0,
    base = 0,
    file = new Uint8Array(fileBytes),
    guest = GUEST,
    user = USER,
    free = 0,
  } = {}) {
    this.size = size
    this.file = file
    this.#guest = guest
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength)
    const descriptors = from
    const available = descriptors + 16 * size
    const used = available + 6 + 2 * size + 3 & ~3
    this.at = { descriptors, available, used }
    this.#free = Math.max(free, used + 6 + 8 * size + 15 & ~15)
    this.addresses = {
      descriptors: user + BigInt(descriptors),
      available: user + BigInt(available),
      used: user + BigInt(used),
    }
    this.region = { guest, user, bytes: BigInt(file.length), offset: 0n }
    this.#available = this.#seen = base
  }

  get memory(): Memory.Memory {
    return Memory.ofBytes([this.region], [this.file])
  }

  queue(features = 0n, base = 0): Virtqueue.Virtqueue {
    const layout = Virtqueue.layOut([this.region], 0, this.size, this.addresses)
    if ("rule" in layout) throw new Error(layout.detail)
    return new Virtqueue.Virtqueue(layout, this.memory, features, base)
  }

  /** Room for so many bytes in the memory: its offset. */
  allocate(bytes: number): number {
    const at = this.#free
    if (at + bytes > this.file.length) throw new Error("the test's memory is full")
    this.#free += bytes
    return at
  }

  /** Writes one descriptor. */
  descriptor(table: number, index: number, address: bigint, bytes: number, flags: number, next = 0): void {
    const at = table + 16 * index
    this.view.setBigUint64(at, address, true)
    this.view.setUint32(at + 8, bytes, true)
    this.view.setUint16(at + 12, flags, true)
    this.view.setUint16(at + 14, next, true)
  }

  /** Puts a chain into the descriptors: its head. With `indirect`, in a table of its own. */
  chain(
    buffers: ReadonlyArray<Buffer>,
    indirect = false,
  ): { readonly head: number; readonly offsets: ReadonlyArray<number> } {
    const head = this.#next
    const table = indirect ? this.allocate(16 * buffers.length) : this.at.descriptors
    const place = (index: number) => indirect ? index : (head + index) % this.size
    const offsets = buffers.map((buffer, index) => {
      const bytes = typeof buffer === "number" ? buffer : buffer.length
      const at = this.allocate(bytes)
      if (typeof buffer !== "number") this.file.set(buffer, at)
      const isLast = index === buffers.length - 1
      const flags = (isLast ? 0 : 1) | (typeof buffer === "number" ? 2 : 0)
      this.descriptor(table, place(index), this.#guest + BigInt(at), bytes, flags, isLast ? 0 : place(index + 1))
      return at
    })
    if (indirect) this.descriptor(this.at.descriptors, head, this.#guest + BigInt(table), 16 * buffers.length, 4)
    this.#next = (head + (indirect ? 1 : buffers.length)) % this.size
    return { head, offsets }
  }

  /** Makes the chain at `head` available. */
  offer(head: number): void {
    this.view.setUint16(this.at.available + 4 + 2 * (this.#available % this.size), head, true)
    this.#available = (this.#available + 1) & 0xffff
    this.view.setUint16(this.at.available + 2, this.#available, true)
  }

  /** What the device has given back since this was asked last. */
  used(): Array<{ readonly head: number; readonly written: number }> {
    const index = this.view.getUint16(this.at.used + 2, true)
    const found = []
    for (; this.#seen !== index; this.#seen = (this.#seen + 1) & 0xffff) {
      const at = this.at.used + 4 + 8 * (this.#seen % this.size)
      found.push({ head: this.view.getUint32(at, true), written: this.view.getUint32(at + 4, true) })
    }
    return found
  }
}
