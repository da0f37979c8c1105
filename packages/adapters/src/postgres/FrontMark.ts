/**
 * How far this program has taken the front of the queue, priority by priority. While an old snapshot is held open anywhere (a report, a
 * dump, a stuck session), the places of runs that were taken cannot be cleared away, and every claim would walk over all of them again.
 *
 * Only claims of a long backlog go by it, and what stands before the mark is looked at again once a second, and as soon as a claim is not
 * filled: a run that was passed over, or has come back with an earlier instant, waits a second longer for that at most.
 *
 * Fair claims go by it as well. Whatever its lane, no run waits before the first one that the last claim of the front has seen.
 */
import type { Claim } from "@countersign/domain"
import type { PgTypes } from "@effect/sql-pg"
import { arrayOf } from "./Cells.ts"
import type { QueuedRow } from "./RunRow.ts"

/** For how long a claim may go by what earlier ones have taken, in milliseconds. */
export const MARKED_MILLIS = 1_000

/** How many claims in a row have to be filled before one goes by the mark. */
export const FILLED_IN_A_ROW = 16

/** A place in the order of the queue, within a priority. */
export interface Place {
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
  /** Behind which places a claim in the oldest order begins: their instants and their ids, by rank. */
  readonly oldest: (claim: Pick<Claim, "nowMillis">) => ReadonlyArray<PgTypes.Parameter>
  /** At which place a fair claim begins in each lane: its instant and its id. */
  readonly fair: (claim: Pick<Claim, "nowMillis">) => ReadonlyArray<Date | string>
  /** Takes note of what a claim has found: runs, and in the oldest order the first place at which anything waits. */
  readonly learn: (claim: Pick<Claim, "limit" | "order">, found: Found) => void
}

interface Found {
  readonly rows: ReadonlyArray<QueuedRow>
  readonly first: Place | null
}

/** Nothing is taken yet. */
export const makeFrontMark = (): FrontMark => {
  let places = NOWHERE
  let first = BEGINNING
  let walkedAtMillis = Number.NEGATIVE_INFINITY
  let filled = 0
  const isDue = (nowMillis: number) => nowMillis < walkedAtMillis || nowMillis >= walkedAtMillis + MARKED_MILLIS
  return {
    oldest: ({ nowMillis }) => {
      if (places === NOWHERE || isDue(nowMillis)) {
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
    fair: ({ nowMillis }) => {
      const { availableAt, id } = isDue(nowMillis) ? BEGINNING : first
      return [availableAt, id]
    },
    learn: ({ limit, order }, found) => {
      const isFilled = found.rows.length >= limit
      if (order === "fair") {
        if (!isFilled) first = BEGINNING
        return
      }
      filled = isFilled ? filled + 1 : 0
      if (filled < FILLED_IN_A_ROW) {
        places = NOWHERE
        first = BEGINNING
        return
      }
      const taken = (rank: number, from: Place) =>
        found.rows.reduce(
          (last, { priority, available_at, id }) =>
            priority === rank ? further(last, { availableAt: new Date(available_at), id }) : last,
          from
        )
      places = [taken(0, places[0]), taken(1, places[1]), taken(2, places[2])]
      first = found.first ?? BEGINNING
    }
  }
}
