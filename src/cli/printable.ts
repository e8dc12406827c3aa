/**
 * Escapes texts from others, so that they can't control the terminal.
 *
 * @module
 */

/**
 * What a terminal obeys, or shows as nothing or elsewhere: control characters, of which its commands are made (ANSI,
 * with 8 bits as well); format characters, among them those that turn the direction of writing; lone halves of
 * characters; private ones; and ends of lines that aren't `\n`.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu

const hex = (char: string, digits = 0): string => char.codePointAt(0)!.toString(16).padStart(digits, "0")

/** A text as one line that does nothing to a terminal: what isn't printable is written as in JavaScript, `\u{1b}`. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, (char) => `\\u{${hex(char)}}`)

/** The same of a text of several lines. */
export const printableLines = (text: string): string => text.split("\n").map(printable).join("\n")

/** JSON that does nothing to a terminal, and says the same: its strings have escapes for all characters. */
export const printableJson = (json: string): string =>
  json.replace(UNPRINTABLE, (char) =>
    // Between its strings JSON has ends of lines, and needs them.
    char === "\n" ? char : Array.from({ length: char.length }, (_, at) => `\\u${hex16(char.charCodeAt(at))}`).join(""))

const hex16 = (unit: number): string => unit.toString(16).padStart(4, "0")
