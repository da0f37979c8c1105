/** Names that come again and again: each is checked once. */
import { Schema } from "effect"

/** How many names are remembered as valid before all of them are forgotten. */
const REMEMBERED = 10_000

/** Tells whether a text is a name of this schema, which takes a text as it is; null when it is not. The same few names come with every batch. */
export const knownNames = <Name extends string>(
  schema: Schema.Codec<Name, string>
): ((text: string) => Name | null) => {
  const isName = Schema.is(schema)
  const known = new Map<string, Name>()
  return (text) => {
    const name = known.get(text)
    if (name !== undefined) return name
    if (!isName(text)) return null
    if (known.size >= REMEMBERED) known.clear()
    known.set(text, text)
    return text
  }
}
