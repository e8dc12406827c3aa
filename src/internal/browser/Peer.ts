/**
 * Users in a browser: there are none by name.
 *
 * @module
 */

/** A user by its number only. */
export const userOf = (user: string): number | undefined => /^\d{1,10}$/.test(user) ? Number(user) : undefined
