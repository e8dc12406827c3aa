/**
 * A persistent map from small whole numbers to values: a calendar's clients by
 * their keys.
 *
 * A map is a value: `set` and `remove` return another one and share all but one
 * path of 16-way nodes with it. Dense keys cost least: the path is as long as
 * the largest key ever set has digits to the base of 16.
 *
 * @module
 */
import { invariant } from "../../core/Fault.ts"

/** One version of a map: a value, to be used with the functions of this module. */
export interface IntMap<A> {
  /** How many keys have a value. */
  readonly size: number
  /** How far a key is shifted right to find its child of the root. */
  readonly shift: number
  readonly root: Node<A> | undefined
}

/**
 * The children, some of them missing: nodes, or values where the shift is 0. 16, as a calendar changes a client with
 * each message: the bytes that are copied for that are fewest for 10 clients with 16, and for 1,000 nearly so.
 */
type Node<A> = ReadonlyArray<Node<A> | A | undefined>

const BITS = 4
const WIDTH = 1 << BITS
/** The shift at which a root has room for every unsigned 32-bit key. */
const TOP_SHIFT = 28

const bare: Node<never> = new Array<undefined>(WIDTH).fill(undefined)

/** A map without keys. */
export const empty = <A>(): IntMap<A> => ({ size: 0, shift: 0, root: undefined })

const fits = (key: number, shift: number): boolean => shift === TOP_SHIFT || key >>> (shift + BITS) === 0

/** The value of a key, or `undefined` where it has none. */
export const get = <A>(map: IntMap<A>, key: number): A | undefined => {
  if (map.root === undefined || (key >>> 0) !== key || !fits(key, map.shift)) return undefined
  let node = map.root
  for (let shift = map.shift; shift > 0; shift -= BITS) {
    const child = node[(key >>> shift) % WIDTH] as Node<A> | undefined
    if (child === undefined) return undefined
    node = child
  }
  return node[key % WIDTH] as A | undefined
}

const withChild = <A>(node: Node<A>, index: number, child: Node<A>[number]): Node<A> => {
  const children = node.slice()
  children[index] = child
  return children
}

const setIn = <A>(node: Node<A>, shift: number, key: number, value: A): Node<A> => {
  const index = (key >>> shift) % WIDTH
  if (shift === 0) return withChild(node, index, value)
  return withChild(node, index, setIn((node[index] as Node<A> | undefined) ?? bare, shift - BITS, key, value))
}

/** The map in which `key`, an unsigned 32-bit number, has `value`, which is something. */
export const set = <A>(map: IntMap<A>, key: number, value: A): IntMap<A> => {
  invariant((key >>> 0) === key, "callers choose keys from 0 to 2^32 − 1")
  let { shift, root = bare } = map
  for (; !fits(key, shift); shift += BITS) root = root === bare ? root : withChild<A>(bare, 0, root)
  const size = get(map, key) === undefined ? map.size + 1 : map.size
  return { size, shift, root: setIn(root, shift, key, value) }
}

/** The map in which `key`, which has a value, has another one. */
export const change = <A>(map: IntMap<A>, key: number, value: A): IntMap<A> => ({
  size: map.size,
  shift: map.shift,
  root: setIn(map.root!, map.shift, key, value),
})

const mapIn = <A>(node: Node<A>, shift: number, prefix: number, f: (value: A, key: number) => A): Node<A> =>
  node.map((child, index) => {
    if (child === undefined) return undefined
    const key = prefix + index * 2 ** shift
    return shift === 0 ? f(child as A, key) : mapIn(child as Node<A>, shift - BITS, key, f)
  })

/** The map in which each key has what `f` makes of its value; in the order of the keys, and at once, where `change` copies a path for each. */
export const map = <A>(map: IntMap<A>, f: (value: A, key: number) => A): IntMap<A> =>
  map.root === undefined ? map : { size: map.size, shift: map.shift, root: mapIn(map.root, map.shift, 0, f) }

const isEmpty = <A>(node: Node<A>): boolean => node.every((child) => child === undefined)

const removeIn = <A>(node: Node<A>, shift: number, key: number): Node<A> | undefined => {
  const index = (key >>> shift) % WIDTH
  const child = shift === 0 ? undefined : removeIn(node[index] as Node<A>, shift - BITS, key)
  const left = withChild(node, index, child)
  return child === undefined && isEmpty(left) ? undefined : left
}

/** The map in which `key` has no value. */
export const remove = <A>(map: IntMap<A>, key: number): IntMap<A> => {
  if (get(map, key) === undefined) return map
  const root = removeIn(map.root!, map.shift, key)
  return root === undefined ? empty() : { size: map.size - 1, shift: map.shift, root }
}

const walk = function* <A>(node: Node<A>, shift: number, prefix: number): Generator<readonly [number, A]> {
  for (let index = 0; index < WIDTH; index++) {
    const child = node[index]
    if (child === undefined) continue
    const key = prefix + index * 2 ** shift
    if (shift === 0) yield [key, child as A]
    else yield* walk(child as Node<A>, shift - BITS, key)
  }
}

/** The keys and their values, in the order of the keys. */
export const entries = <A>(map: IntMap<A>): IterableIterator<readonly [number, A]> =>
  map.root === undefined ? [][Symbol.iterator]() : walk(map.root, map.shift, 0)
