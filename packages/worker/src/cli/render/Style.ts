/** How text looks: colours where the reader has them, and never a character that would move the reader's cursor. */
import type { Tone } from "@countersign/domain"

/** Paints text. Without colours it changes nothing. */
export interface Style {
  readonly tone: (tone: Tone, text: string) => string
  readonly strong: (text: string) => string
  readonly faint: (text: string) => string
}

const plain: Style = { tone: (_, text) => text, strong: (text) => text, faint: (text) => text }

const sgrOf: Readonly<Record<Tone, number | null>> = { neutral: null, info: 36, success: 32, warning: 33, danger: 31 }

const painted = (code: number | null, text: string): string =>
  code === null ? text : `\u001b[${code}m${text}\u001b[0m`

const colourful: Style = {
  tone: (tone, text) => painted(sgrOf[tone], text),
  strong: (text) => painted(1, text),
  faint: (text) => painted(2, text)
}

/** What decides about colours. */
export interface Surroundings {
  readonly isTerminal: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Colours only on a terminal, and not where NO_COLOR is set (https://no-color.org) or the terminal is dumb. */
export const hasColours = ({ isTerminal, env }: Surroundings): boolean =>
  isTerminal && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb"

/** The style for these surroundings. */
export const styleFor = (surroundings: Surroundings): Style => (hasColours(surroundings) ? colourful : plain)

/** Control characters, and those that turn the direction of what follows. */
const UNPRINTABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu

/** Text from outside as it may be shown on a terminal: one line, nothing that acts on it. */
export const printable = (text: string): string => text.toWellFormed().replaceAll(UNPRINTABLE, "�")

/** The longest stretch of somebody's input that a message repeats. */
const QUOTED_MAX_LENGTH = 60

/** Somebody's input, repeated in a message. */
export const quoted = (text: string): string =>
  `“${printable(text.length <= QUOTED_MAX_LENGTH ? text : `${text.slice(0, QUOTED_MAX_LENGTH)}…`)}”`
