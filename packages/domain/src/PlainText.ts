/**
 * Text of others, made fit for one line of a message: a subject, a heading, a field.
 *
 * Contract section 9.
 */

/** Control characters, line and paragraph separators, and those that turn the direction of what follows. */
const UNFIT = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]+/gu

/**
 * One line of at most `maxLength` UTF-16 code units, well-formed, in which nothing acts on what stands around it; cut with an
 * ellipsis. Markup is left as it is: whoever writes HTML escapes it there.
 */
export const plainLine = (text: string, maxLength: number): string => {
  const line = text.toWellFormed().replaceAll(UNFIT, " ").trim()
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/u, "")}…`
}
