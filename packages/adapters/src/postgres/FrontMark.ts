/**
 * How far this program has taken the front of the queue, priority by priority. While an old snapshot is held open anywhere (a report, a
 * dump, a stuck session), the places of runs that were taken cannot be cleared away, and every claim would walk over all of them again.
 *
 * Only claims of a long backlog go by it, and what stands before the mark is looked at again once a second, and as soon as a claim is not
 * filled: a run that was passed over, or has come back with an earlier instant, waits a second longer for that at most.
 */
import type { Claim } from "@countersign/domain"
import type { PgTypes } from "@effect/sql-pg"
import { arrayOf } from "./Cells.ts"
import type { RunRow } from "./RunRow.ts"

/** For how long a claim may go by what earlier ones have taken, in milliseconds. */
export const MARKED_MILLIS = 1_000

/** How many claims in a row have to be filled before one goes by the mark. */
export const FILLED_IN_A_ROW = 16

interface Place {
  readonly availableAt: Date
  readonly id: string
}

/** Before every run there can be. */
const BEGINNING: Place = { availableAt: new Date("0001-01-01T00:00:00Z"), id: "00000000-0000-0000-0000-000000000000" }

/** One place for each priority, by its rank. */
type Places = readonly [Place, Place, Place]

const NOWHERE: Places = [BEGINNING, BEGINNING, BEGINNING]

const further = (one: Place, other: Place): Place => {
  const later = other.availableAt.getTime() - one.availableAt.getTime()
  return later > 0 || (later === 0 && other.id > one.id) ? other : one
}

/** The mark of one program. */
export interface FrontMark {
  /** Behind which places a claim begins: their instants and their ids, by rank. */
  readonly parameters: (claim: Pick<Claim, "nowMillis">) => ReadonlyArray<PgTypes.Parameter>
  /** Takes note of what a claim of the front has found. */
  readonly learn: (claim: Pick<Claim, "limit">, rows: ReadonlyArray<RunRow>) => void
}

/** Nothing is taken yet. */
export const makeFrontMark = (): FrontMark => {
  let places = NOWHERE
  let walkedAtMillis = Number.NEGATIVE_INFINITY
  let filled = 0
  return {
    parameters: ({ nowMillis }) => {
      const sinceMillis = nowMillis - walkedAtMillis
      if (places === NOWHERE || sinceMillis < 0 || sinceMillis >= MARKED_MILLIS) {
        places = NOWHERE
        walkedAtMillis = nowMillis
      }
      return [
        arrayOf(
          "timestamptz",
          places.map(({ availableAt }) => availableAt)
        ),
        arrayOf(
          "uuid",
          places.map(({ id }) => id)
        )
      ]
    },
    learn: ({ limit }, rows) => {
      filled = rows.length < limit ? 0 : filled + 1
      if (filled < FILLED_IN_A_ROW) {
        places = NOWHERE
        return
      }
      const taken = (rank: number, from: Place) =>
        rows.reduce(
          (last, { priority, available_at, id }) =>
            priority === rank ? further(last, { availableAt: new Date(available_at), id }) : last,
          from
        )
      places = [taken(0, places[0]), taken(1, places[1]), taken(2, places[2])]
    }
  }
}
