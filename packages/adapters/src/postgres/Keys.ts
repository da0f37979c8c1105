/** Distinct keys, each with its place: what is asked of a database once, however many runs ask for it. */

/** Things that are asked for, each once. */
export interface Keys<Key> {
  /** In the order in which they were first asked for. */
  readonly all: ReadonlyArray<Key>
  /** The place of this key; asking for it is noting it down. */
  readonly placeOf: (key: Key) => number
}

/** `textOf` gives equal texts for equal keys. */
export const makeKeys = <Key>(textOf: (key: Key) => string): Keys<Key> => {
  const all: Array<Key> = []
  const places = new Map<string, number>()
  return {
    all,
    placeOf: (key) => {
      const text = textOf(key)
      const known = places.get(text)
      if (known !== undefined) return known
      places.set(text, all.length)
      return all.push(key) - 1
    }
  }
}
