/**
 * A persistent map from small whole numbers to values: a calendar's clients by
 * their keys.
 *
 * A map is a value: `set` and `remove` return another one and share all but one
 * path of 32-way nodes with it. Dense keys cost least: the path is as long as
 * the largest key ever set has digits to the base of 32.
 *
 * @module
 */
import { invariant } from "./Fault.ts"

/** One version of a map: a value, to be used with the functions of this module. */
export interface IntMap<A> {
  /** How many keys have a value. */
  readonly size: number
  /** How far a key is shifted right to find its child of the root. */
  readonly shift: number
  readonly root: Node<A> | undefined
}

/** 32 children, some of them missing: nodes, or values where the shift is 0. */
interface Node<A> {
  readonly count: number
  readonly children: ReadonlyArray<Node<A> | { readonly value: A } | undefined>
}

const BITS = 5
const WIDTH = 1 << BITS
/** The shift at which a root has room for every unsigned 32-bit key. */
const TOP_SHIFT = 30

const bare: Node<never> = { count: 0, children: new Array(WIDTH).fill(undefined) }

/** A map without keys. */
export const empty = <A>(): IntMap<A> => ({ size: 0, shift: 0, root: undefined })

const fits = (key: number, shift: number): boolean => shift === TOP_SHIFT || key >>> (shift + BITS) === 0

/** The value of a key, or `undefined` where it has none. */
export const get = <A>(map: IntMap<A>, key: number): A | undefined => {
  if (map.root === undefined || (key >>> 0) !== key || !fits(key, map.shift)) return undefined
  let node: Node<A> | undefined = map.root
  for (let shift = map.shift; shift > 0; shift -= BITS) {
    node = node.children[(key >>> shift) % WIDTH] as Node<A> | undefined
    if (node === undefined) return undefined
  }
  return (node.children[key % WIDTH] as { readonly value: A } | undefined)?.value
}

const withChild = <A>(node: Node<A>, index: number, child: Node<A>["children"][number]): Node<A> => {
  const children = node.children.slice()
  const count = node.count + (child === undefined ? 0 : 1) - (children[index] === undefined ? 0 : 1)
  children[index] = child
  return { count, children }
}

const setIn = <A>(node: Node<A>, shift: number, key: number, value: A): Node<A> => {
  const index = (key >>> shift) % WIDTH
  if (shift === 0) return withChild(node, index, { value })
  return withChild(node, index, setIn((node.children[index] as Node<A> | undefined) ?? bare, shift - BITS, key, value))
}

/** The map in which `key`, an unsigned 32-bit number, has `value`. */
export const set = <A>(map: IntMap<A>, key: number, value: A): IntMap<A> => {
  invariant((key >>> 0) === key, "callers choose keys from 0 to 2^32 − 1")
  let { shift, root = bare as Node<A> } = map
  for (; !fits(key, shift); shift += BITS) root = root.count === 0 ? root : withChild(bare as Node<A>, 0, root)
  const size = get(map, key) === undefined ? map.size + 1 : map.size
  return { size, shift, root: setIn(root, shift, key, value) }
}

const removeIn = <A>(node: Node<A>, shift: number, key: number): Node<A> | undefined => {
  const index = (key >>> shift) % WIDTH
  const child = shift === 0 ? undefined : removeIn(node.children[index] as Node<A>, shift - BITS, key)
  return child === undefined && node.count === 1 ? undefined : withChild(node, index, child)
}

/** The map in which `key` has no value. */
export const remove = <A>(map: IntMap<A>, key: number): IntMap<A> => {
  if (get(map, key) === undefined) return map
  const root = removeIn(map.root!, map.shift, key)
  return root === undefined ? empty() : { size: map.size - 1, shift: map.shift, root }
}

const walk = function* <A>(node: Node<A>, shift: number, prefix: number): Generator<readonly [number, A]> {
  for (let index = 0; index < WIDTH; index++) {
    const child = node.children[index]
    if (child === undefined) continue
    const key = prefix + index * 2 ** shift
    if (shift === 0) yield [key, (child as { readonly value: A }).value]
    else yield* walk(child as Node<A>, shift - BITS, key)
  }
}

/** The keys and their values, in the order of the keys. */
export const entries = <A>(map: IntMap<A>): IterableIterator<readonly [number, A]> =>
  map.root === undefined ? [][Symbol.iterator]() : walk(map.root, map.shift, 0)
