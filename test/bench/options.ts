/** What the command line says. */
import { parseArgs } from "node:util"

export const USAGE = `npm run bench -- [--quick] [--long] [--json] [--rounds N] [--scale X] [--only KEY,KEY] [--without PART,PART]
  --quick    two to three minutes: the rows that have goals but impact, with fewer runs and one round
  --long     a backlog of a million queued and a million finished runs, and a worker that drains a million
  --json     the result as JSON
  --rounds   how many rounds are counted (after one warm-up)
  --scale    does this share of the work, above 0 and at most 1: to see whether it works, not how fast
  --only     these rows: decide, end-to-end, flatness, old-snapshot, latency, dispatch, impact, program,
             and without goals: admission, wal, processor, board
  --without  leaves out: peers, embedded, memory, postgres

Ends with 1 when a goal that was measured is below its must.`

export interface Options {
  readonly quick: boolean
  readonly long: boolean
  readonly json: boolean
  readonly rounds: number
  /** How much of the work is done. */
  readonly scale: number
  /** Null: every row of this mode. */
  readonly only: ReadonlySet<string> | null
  readonly without: ReadonlySet<string>
}

const ROWS = [
  "decide",
  "end-to-end",
  "flatness",
  "old-snapshot",
  "latency",
  "dispatch",
  "impact",
  "program",
  "admission",
  "wal",
  "processor",
  "board"
]
const PARTS = ["peers", "embedded", "memory", "postgres"]

const listed = (option: string, text: string, known: ReadonlyArray<string>): ReadonlySet<string> => {
  const names = new Set(text.split(",").map((name) => name.trim()))
  for (const name of names) {
    if (!known.includes(name)) throw new RangeError(`--${option} knows ${known.join(", ")}, not ${name}`)
  }
  return names
}

const numberOf = (option: string, text: string, isRight: (value: number) => boolean, what: string): number => {
  const value = Number(text)
  if (!isRight(value)) throw new RangeError(`--${option} must be ${what}`)
  return value
}

/** Throws on what it does not understand. */
export const optionsOf = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      rounds: { type: "string" },
      scale: { type: "string", default: "1" },
      only: { type: "string" },
      without: { type: "string" }
    }
  })
  const { quick, long, json, rounds, scale, only, without } = values
  return {
    quick,
    long,
    json,
    rounds: numberOf(
      "rounds",
      rounds ?? (quick ? "1" : "7"),
      (value) => Number.isSafeInteger(value) && value >= 1,
      "a whole number of at least 1"
    ),
    scale: numberOf("scale", scale, (value) => value > 0 && value <= 1, "above 0 and at most 1"),
    only: only === undefined ? null : listed("only", only, ROWS),
    without: without === undefined ? new Set() : listed("without", without, PARTS)
  }
}
