/** What the command line says. */
import { parseArgs } from "node:util"

export const USAGE = `npm run bench -- [--quick] [--long] [--json] [--rounds N] [--only KEY,KEY] [--without STORE,STORE]
  --quick    about two minutes: fewer runs and rounds
  --long     adds the row of a million queued and a million finished runs
  --json     the result as JSON
  --rounds   how many rounds are counted (after one warm-up)
  --only     these rows: decide, admission, end-to-end, flatness, dispatch, latency, wal, processor
  --without  leaves stores out: memory, embedded, postgres`

export interface Options {
  readonly quick: boolean
  readonly long: boolean
  readonly json: boolean
  readonly rounds: number
  /** Null: every row. */
  readonly only: ReadonlySet<string> | null
  readonly without: ReadonlySet<string>
}

const listed = (text: string): ReadonlySet<string> => new Set(text.split(",").map((name) => name.trim()))

/** Throws on what it does not understand. */
export const optionsOf = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string" },
      without: { type: "string", default: "" }
    }
  })
  const rounds = values.rounds === undefined ? (values.quick ? 2 : 7) : Number(values.rounds)
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new RangeError("--rounds must be a whole number of at least 1")
  return {
    quick: values.quick,
    long: values.long,
    json: values.json,
    rounds,
    only: values.only === undefined ? null : listed(values.only),
    without: listed(values.without)
  }
}
