/**
 * The assertions of `@effect/vitest/utils`, so that an alias for `@effect/vitest` holds for them too.
 *
 * @module
 */
export * from "@effect/vitest/utils"
