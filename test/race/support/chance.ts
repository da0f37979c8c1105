/** Chance that can be had again: a race prints its seed, and `RACE_SEED` replays its choices (not the machine's timing). */

export interface Chance {
  readonly seed: number
  /** A number from 0 up to, not including, `below`. */
  readonly below: (below: number) => number
  readonly oneOf: <A>(choices: ReadonlyArray<A>) => A
}

/** mulberry32: small, and good enough to choose with. */
const numbersFrom = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const makeChance = (name: string): Chance => {
  const given = Number(process.env.RACE_SEED)
  const seed = Number.isSafeInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31) + 1
  process.stdout.write(`${name}: RACE_SEED=${seed}\n`)
  const next = numbersFrom(seed)
  const below = (bound: number) => Math.floor(next() * bound)
  return {
    seed,
    below,
    oneOf: (choices) => {
      const chosen = choices[below(choices.length)]
      if (chosen === undefined) throw new RangeError("nothing to choose from")
      return chosen
    }
  }
}
