/**
 * A device's refusal of a request that it can't understand.
 *
 * @module
 */

/**
 * A request that no driver makes, see {@link refuse}.
 *
 * @since 0.2.0
 * @category models
 */
export interface Refusal {
  readonly refused: string
}

/**
 * The answer to a request of a shape that this device's requests don't have: its kernel has broken the rule `BadRequest`,
 * and is hung up on. `why` says what was given, and what is allowed.
 *
 * @since 0.2.0
 * @category constructors
 */
export const refuse = (why: string): Refusal => ({ refused: why })
