/**
 * A split virtqueue, seen from the device: the kernel's driver puts chains of buffers into the available ring, and the
 * device gives them back by the used ring (virtio 1.2, section 2.7).
 *
 * ```text
 *   descriptors   address u64, length u32, flags u16, next u16     each a buffer, or a table of more (indirect)
 *   available     flags u16, index u16, head u16 × size, used_event u16         written by the driver
 *   used          flags u16, index u16, (head u32, length u32) × size, avail_event u16     written by the device
 * ```
 *
 * All three are memory that another process writes to at any moment. Each number is read once and checked before it is
 * used; what can't be is a {@link Violation}, after which the queue is of no more use.
 *
 * @module
 */
import * as Memory from "./Memory.ts"
import { isViolation, type Violation, violation } from "./Violation.ts"

/** The most entries that a queue may have; it is a power of 2. */
export const MAX_SIZE = 32_768

/** The most buffers in one chain: an indirect table may have more than the queue, by no more than this. */
const MAX_CHAIN = 1024

/** The most bytes of a chain that the device reads, and the most that it writes. */
const MAX_CHAIN_BYTES = 16 * 1024 * 1024

/** What the driver and the device have agreed on (virtio 1.2, section 6). */
export const Feature = {
  indirect: 1n << 28n,
  eventIndex: 1n << 29n,
  version1: 1n << 32n,
} as const

const NEXT = 1
const WRITE = 2
const INDIRECT = 4
const NO_CALL = 1

const DESCRIPTOR_BYTES = 16
const MASK = 0xffff

/** Where a queue's rings are, in its kernel's own addresses. */
export interface Addresses {
  readonly descriptors: bigint
  readonly available: bigint
  readonly used: bigint
}

/** A queue, as its kernel has set it up. */
export interface Layout {
  /** Its number, for people. */
  readonly queue: number
  readonly size: number
  readonly descriptors: Memory.Place
  readonly available: Memory.Place
  readonly used: Memory.Place
}

/** A buffer in the kernel's memory. */
export interface Segment extends Memory.Place {
  readonly bytes: number
}

/** Buffers that go together: first those that the device reads, then those that it writes. */
export interface Chain {
  readonly head: number
  readonly readable: ReadonlyArray<Segment>
  readonly readableBytes: number
  readonly writable: ReadonlyArray<Segment>
  readonly writableBytes: number
}

/** The layout of a queue whose rings are at these addresses. */
export const layOut = (
  regions: ReadonlyArray<Memory.Region>,
  queue: number,
  size: number,
  addresses: Addresses,
): Layout | Violation => {
  const ring = (name: keyof Addresses, bytes: number, alignment: bigint): Memory.Place | Violation => {
    const address = addresses[name]
    const what = `queue ${queue}: its ${name} ring of ${bytes} bytes at ${Memory.hex(address)}`
    if (address % alignment !== 0n) return violation("BadQueue", `${what} isn't aligned to ${alignment}`)
    return Memory.findUser(regions, address, bytes) ?? violation("BadQueue", `${what} isn't in the memory`)
  }
  const descriptors = ring("descriptors", DESCRIPTOR_BYTES * size, 16n)
  if (isViolation(descriptors)) return descriptors
  const available = ring("available", 6 + 2 * size, 2n)
  if (isViolation(available)) return available
  const used = ring("used", 6 + 8 * size, 4n)
  if (isViolation(used)) return used
  return { queue, size, descriptors, available, used }
}

/** A queue at work. It keeps its state to itself: what the device has taken, and given back. */
export class Virtqueue {
  readonly layout: Layout
  readonly #memory: Memory.Memory
  readonly #indirect: boolean
  readonly #eventIndex: boolean
  /** The index of the available ring up to which chains were taken, and the index itself as last read. */
  #taken: number
  #available: number
  /** The used ring's index, as written last; and as it was when the driver was last to be called or not. */
  #used: number
  #told: number
  /** Chains that were taken and not given back. */
  readonly #held = new Set<number>()
  readonly #half = new DataView(new ArrayBuffer(2))
  readonly #entry = new DataView(new ArrayBuffer(DESCRIPTOR_BYTES))

  /** `features` are those accepted; `base`, the index at which both rings begin. */
  constructor(layout: Layout, memory: Memory.Memory, features: bigint, base: number) {
    this.layout = layout
    this.#memory = memory
    this.#indirect = (features & Feature.indirect) !== 0n
    this.#eventIndex = (features & Feature.eventIndex) !== 0n
    this.#taken =
      this.#available =
      this.#used =
      this.#told =
        base & MASK
  }

  /** How many chains the device holds. */
  get held(): number {
    return this.#held.size
  }

  #gone(what: string): Violation {
    return violation("MemoryGone", `queue ${this.layout.queue}: ${what} can't be reached any more`)
  }

  #read16({ index, offset }: Memory.Place, at: number): number | undefined {
    const view = this.#half
    const bytes = new Uint8Array(view.buffer)
    return this.#memory.access.read(index, offset + at, bytes) ? view.getUint16(0, true) : undefined
  }

  #write16({ index, offset }: Memory.Place, at: number, value: number): boolean {
    this.#half.setUint16(0, value & MASK, true)
    return this.#memory.access.write(index, offset + at, new Uint8Array(this.#half.buffer))
  }

  /** Reads the available ring's index: whether there is a chain that wasn't taken. */
  #look(): boolean | Violation {
    const { available, queue, size } = this.layout
    const index = this.#read16(available, 2)
    if (index === undefined) return this.#gone("its available ring")
    const ahead = (index - this.#taken) & MASK
    if (ahead > size) {
      return violation(
        "IndexRunsAhead",
        `queue ${queue}: its available index is ${index}, ${ahead} ahead of ${this.#taken}; it has ${size} entries`,
      )
    }
    this.#available = index
    return ahead > 0
  }

  /** The next chain that the driver has made available, if there is one. */
  take(): Chain | Violation | undefined {
    const { available, size, queue } = this.layout
    if (this.#available === this.#taken) {
      let found = this.#look()
      if (found === false && this.#eventIndex) {
        // From now on the next chain is to be told of; one that has come before the driver could see that is found here.
        if (!this.#write16(this.layout.used, 4 + 8 * size, this.#taken)) return this.#gone("its used ring")
        found = this.#look()
      }
      if (isViolation(found)) return found
      if (!found) return undefined
    }
    const head = this.#read16(available, 4 + 2 * (this.#taken % size))
    if (head === undefined) return this.#gone("its available ring")
    if (head >= size) {
      return violation("BadDescriptor", `queue ${queue}: a chain begins at ${head}; it has ${size} descriptors`)
    }
    if (this.#held.has(head)) {
      return violation("ChainInUse", `queue ${queue}: the chain at ${head} was made available again before it was used`)
    }
    const chain = this.#follow(head)
    if (isViolation(chain)) return chain
    this.#taken = (this.#taken + 1) & MASK
    this.#held.add(head)
    return chain
  }

  #follow(head: number): Chain | Violation {
    const { queue, size, descriptors } = this.layout
    const segments: { readonly readable: Array<Segment>; readonly writable: Array<Segment> } = {
      readable: [],
      writable: [],
    }
    let [table, entries, at, isIndirect] = [descriptors, size, head, false]
    for (let count = 0;;) {
      const entry = this.#entry
      const place = table.offset + DESCRIPTOR_BYTES * at
      if (!this.#memory.access.read(table.index, place, new Uint8Array(entry.buffer))) {
        return this.#gone("its descriptors")
      }
      const [address, bytes] = [entry.getBigUint64(0, true), entry.getUint32(8, true)]
      const [flags, next] = [entry.getUint16(12, true), entry.getUint16(14, true)]
      const what = `queue ${queue}: ${isIndirect ? "indirect " : ""}descriptor ${at} of the chain at ${head}`
      if ((flags & INDIRECT) !== 0) {
        const found = this.#indirectTable(what, address, bytes, flags, isIndirect)
        if (isViolation(found)) return found
        ;[table, entries, at, isIndirect] = [found, bytes / DESCRIPTOR_BYTES, 0, true]
        count = 0
        continue
      }
      if (++count > Math.min(entries, MAX_CHAIN)) {
        return violation("EndlessChain", `queue ${queue}: the chain at ${head} has more than ${count - 1} descriptors`)
      }
      const found = Memory.find(this.#memory.regions, address, bytes)
      if (found === undefined) {
        return violation("BadDescriptor", `${what}, ${bytes} bytes at ${Memory.hex(address)}, isn't in the memory`)
      }
      const isWritable = (flags & WRITE) !== 0
      if (!isWritable && segments.writable.length > 0) {
        return violation("BadDescriptor", `${what} is to be read, behind one that is to be written`)
      }
      segments[isWritable ? "writable" : "readable"].push({ ...found, bytes })
      if ((flags & NEXT) === 0) break
      if (next >= entries) return violation("BadDescriptor", `${what} leads to ${next}; there are ${entries}`)
      at = next
    }
    const { readable, writable } = segments
    const [readableBytes, writableBytes] = [sum(readable), sum(writable)]
    const most = Math.max(readableBytes, writableBytes)
    if (most > MAX_CHAIN_BYTES) {
      return violation("BadRequest", `queue ${queue}: the chain at ${head} has ${most} bytes, of ${MAX_CHAIN_BYTES}`)
    }
    return { head, readable, readableBytes, writable, writableBytes }
  }

  #indirectTable(
    what: string,
    address: bigint,
    bytes: number,
    flags: number,
    isIndirect: boolean,
  ): Memory.Place | Violation {
    if (!this.#indirect) return violation("BadDescriptor", `${what} is indirect, which wasn't agreed on`)
    if (isIndirect) return violation("BadDescriptor", `${what} is indirect in an indirect table`)
    if ((flags & NEXT) !== 0) return violation("BadDescriptor", `${what} is indirect and has a next one`)
    if (bytes === 0 || bytes % DESCRIPTOR_BYTES !== 0 || bytes / DESCRIPTOR_BYTES > MAX_CHAIN) {
      const most = MAX_CHAIN * DESCRIPTOR_BYTES
      return violation("BadDescriptor", `${what} is a table of ${bytes} bytes: 16 for each entry, up to ${most}`)
    }
    return Memory.find(this.#memory.regions, address, bytes) ??
      violation("BadDescriptor", `${what}, a table of ${bytes} bytes at ${Memory.hex(address)}, isn't in the memory`)
  }

  /** Gives a chain back, into which so many bytes were written. */
  give({ head }: Chain, written: number): Violation | undefined {
    const { used, size } = this.layout
    const entry = new DataView(new ArrayBuffer(8))
    entry.setUint32(0, head, true)
    entry.setUint32(4, written, true)
    const place = used.offset + 4 + 8 * (this.#used % size)
    this.#held.delete(head)
    if (!this.#memory.access.write(used.index, place, new Uint8Array(entry.buffer))) return this.#gone("its used ring")
    this.#used = (this.#used + 1) & MASK
    // Last: the driver may look at any moment.
    return this.#write16(used, 2, this.#used) ? undefined : this.#gone("its used ring")
  }

  /** Whether the driver wants to be called for what was given back since this was asked last. */
  wantsCall(): boolean | Violation {
    const { available, size } = this.layout
    const [before, now] = [this.#told, this.#used]
    if (before === now) return false
    this.#told = now
    const value = this.#read16(available, this.#eventIndex ? 4 + 2 * size : 0)
    if (value === undefined) return this.#gone("its available ring")
    return this.#eventIndex ? ((now - value - 1) & MASK) < ((now - before) & MASK) : (value & NO_CALL) === 0
  }

  /** The bytes that the driver has put into a chain. */
  readFrom({ readable, readableBytes }: Chain): Uint8Array | Violation {
    const bytes = new Uint8Array(readableBytes)
    let at = 0
    for (const { index, offset, bytes: length } of readable) {
      if (!this.#memory.access.read(index, offset, bytes.subarray(at, at + length))) return this.#gone("a buffer")
      at += length
    }
    return bytes
  }

  /** Writes bytes into a chain, as many as it has room for; how many those were. */
  writeTo({ writable }: Chain, bytes: Uint8Array): number | Violation {
    let at = 0
    for (const { index, offset, bytes: length } of writable) {
      if (at === bytes.length) break
      const part = bytes.subarray(at, at + length)
      if (!this.#memory.access.write(index, offset, part)) return this.#gone("a buffer")
      at += part.length
    }
    return at
  }
}

const sum = (segments: ReadonlyArray<Segment>): number => segments.reduce((all, { bytes }) => all + bytes, 0)
