/** Things that are passed over for a while. */

/** What is passed over, each thing until a time of its own. */
export interface Passing<A> {
  /** Passes this over until then; a later word counts. */
  readonly passOver: (one: A, untilMillis: number) => void
  /**
   * What is passed over at this moment; what is over by then is forgotten. When the clock has gone back everything is: it would be
   * passed over for as long as the clock was wrong.
   */
  readonly at: (nowMillis: number) => ReadonlyArray<A>
  readonly forget: (which: (one: A) => boolean) => void
  readonly isAny: (which?: (one: A) => boolean) => boolean
}

/** A clock that goes back by more than this was set; by less, it was put right. */
const SET_BACK_MILLIS = 1_000

/** Nothing is passed over yet. `keyOf` gives equal texts for equal things. */
export const makePassing = <A>(keyOf: (one: A) => string): Passing<A> => {
  const passed = new Map<string, { readonly one: A; readonly untilMillis: number }>()
  const drop = (which: (entry: { readonly one: A; readonly untilMillis: number }) => boolean) => {
    for (const [key, entry] of passed) if (which(entry)) passed.delete(key)
  }
  let lastMillis = Number.NEGATIVE_INFINITY
  return {
    passOver: (one, untilMillis) => passed.set(keyOf(one), { one, untilMillis }),
    at: (nowMillis) => {
      drop(({ untilMillis }) => untilMillis <= nowMillis || nowMillis < lastMillis - SET_BACK_MILLIS)
      lastMillis = nowMillis
      return Array.from(passed.values(), ({ one }) => one)
    },
    forget: (which) => drop(({ one }) => which(one)),
    isAny: (which = () => true) => [...passed.values()].some(({ one }) => which(one))
  }
}
