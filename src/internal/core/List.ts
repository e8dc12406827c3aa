/**
 * Helpers for short lists of commands.
 *
 * @module
 */

/**
 * The list with one more at its end. Written out for the few that there nearly always are: what has been pushed to has
 * room for 17 in V8, `concat` is a call into the runtime, and a spread goes through an iterator on Bun.
 */
export const append = <A>(list: ReadonlyArray<A>, last: A): Array<A> => {
  switch (list.length) {
    case 0:
      return [last]
    case 1:
      return [list[0]!, last]
    case 2:
      return [list[0]!, list[1]!, last]
    default:
      return list.concat([last])
  }
}
