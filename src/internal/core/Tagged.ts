/**
 * The base class of the library's errors: a name in `_tag`, by which `Effect.catchTag` finds them, and in `name`.
 *
 * It is an `Error` and nothing else, as the core imports nothing, so it isn't `Data.TaggedError`, but looks the same.
 *
 * @module
 */

/** An error whose name is `Tag`. */
export abstract class Tagged<Tag extends string> extends Error {
  readonly _tag: Tag
  override readonly name: Tag
  constructor(tag: Tag, message: string, options?: ErrorOptions) {
    super(message, options)
    this._tag = tag
    this.name = tag
  }
}
