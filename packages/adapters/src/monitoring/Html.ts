/** Markup that is escaped unless it was made by `html`: what users wrote never becomes a tag. */
import { Effect } from "effect"
import { html } from "hono/html"

export { html }

/** A piece of markup. */
export type Html = ReturnType<typeof html>

/** Nothing. */
export const NOTHING: Html = html``

/** The markup as text, to be sent. */
export const textOf = (markup: Html): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => Promise.resolve(markup)),
    String
  )

/** Characters that a browser shows as nothing, or as something else than they are. */
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cs}]/gu

/** What can be seen of a text: controls are shown as what they are, something that cannot be read. */
const visible = (text: string): string => text.replaceAll(/[\n\t]/g, " ").replaceAll(CONTROL_CHARACTERS, "\uFFFD")

/** A name or a text of somebody else's: whatever direction it is written in, it turns round nothing but itself. */
export const named = (text: string): Html => html`<bdi>${visible(text)}</bdi>`

/** The same text, beginning as a sentence does. */
export const asSentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const LONG = 400

/** A text of any length; a long one can be unfolded. */
export const prose = (text: string): Html => {
  const shown = visible(text)
  if (shown.length <= LONG) return named(text)
  return html`<bdi>${shown.slice(0, LONG).toWellFormed()}…</bdi>
<details class="more"><summary>Show all of it</summary><p><bdi>${shown}</bdi></p></details>`
}

/** An instant, for people with the time in UTC, for machines as ISO 8601. */
export const instant = (millis: number, words?: string): Html => {
  const iso = new Date(millis).toISOString()
  const utc = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
  return html`<time datetime="${iso}" title="${utc}">${words ?? utc}</time>`
}
