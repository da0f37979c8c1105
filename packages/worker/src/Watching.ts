/**
 * Watching: how runs get on, beside what they are. The rule is the domain's; here the leases and the time it needs are read.
 *
 * Contract section 8 (freshness, problem class).
 */
import {
  type Freshness,
  freshnessOf,
  type ProblemClass,
  problemClassOf,
  type Run,
  type RunFilter,
  type RunId,
  RunStore,
  type RunUnreadable,
  type StoreUnavailable,
  type Whereabouts,
  whereaboutsOf
} from "@countersign/domain"
import { Clock, Effect } from "effect"

/** How a run gets on. */
export interface Wellbeing {
  readonly freshness: Freshness
  readonly problemClass: ProblemClass
}

/** A run and how it gets on. */
export interface WatchedRun extends Wellbeing {
  readonly run: Run
}

/** What a search by freshness found. */
export interface WatchedPage {
  readonly watched: ReadonlyArray<WatchedRun>
  readonly unreadable: ReadonlyArray<RunUnreadable>
  /** Whether it was given up before all runs that it might be about had been looked at. */
  readonly isCut: boolean
}

/** A search by freshness looks at this many runs in each status, and no further. */
export const LOOKED_AT_MAX = 100_000

/** How many runs it looks at together. */
const PAGE = 1_000

/** How this run gets on at this moment. */
export const watchRun = (run: Run): Effect.Effect<WatchedRun, StoreUnavailable, RunStore> =>
  Effect.map(watcherOf([run]), (watch) => watch(run))

/** How these runs get on at this moment, in their order. */
export const watchRuns = (
  runs: ReadonlyArray<Run>
): Effect.Effect<ReadonlyArray<WatchedRun>, StoreUnavailable, RunStore> =>
  Effect.map(watcherOf(runs), (watch) => runs.map(watch))

/** Looks after these runs as of now; their leases are read together. */
const watcherOf = Effect.fnUntraced(function* (runs: ReadonlyArray<Run>) {
  const store = yield* RunStore
  const running = runs.filter((run) => run._tag === "Running").map(({ dispatch }) => dispatch.id)
  const ends = running.length === 0 ? NO_LEASES : yield* store.leaseEnds(running)
  const nowMillis = yield* Clock.currentTimeMillis
  return (run: Run): WatchedRun => {
    const end = ends.get(run.dispatch.id)
    // What has ended since it was read was held a moment ago.
    const watch = { nowMillis, leaseUntilMillis: end === undefined ? nowMillis : end }
    return { run, freshness: freshnessOf(run, watch), problemClass: problemClassOf(run, watch) }
  }
})

const NO_LEASES: ReadonlyMap<RunId, number | null> = new Map()

/**
 * The newest runs that fit the filter, each with how it gets on; with a freshness, only those that get on in that way. That can be
 * known of each run alone: all that might fit are looked at, from the newest on, until enough are found.
 */
export const listWatched = (
  filter: RunFilter,
  freshness: Freshness | null
): Effect.Effect<WatchedPage, StoreUnavailable, RunStore> =>
  freshness === null ? listedPage(filter) : searched(filter, freshness)

const listedPage = (filter: RunFilter) =>
  Effect.gen(function* () {
    const { runs, unreadable } = yield* (yield* RunStore).list(filter)
    return { watched: yield* watchRuns(runs), unreadable, isCut: false }
  })

const searched = Effect.fnUntraced(function* (filter: RunFilter, freshness: Freshness) {
  const parts = whereaboutsOf[freshness].filter((part) => overlaps(part, filter))
  const pages = yield* Effect.forEach(parts, (part) => searchedPart({ ...filter, ...part }, freshness))
  return {
    watched: pages
      .flatMap(({ watched }) => watched)
      .sort((a, b) => (a.run.dispatch.id < b.run.dispatch.id ? 1 : -1))
      .slice(0, filter.limit),
    // Where a page ends with such rows, the next one begins with them.
    unreadable: [
      ...new Map(pages.flatMap(({ unreadable }) => unreadable).map((row) => [row.runId, row] as const)).values()
    ],
    isCut: pages.some(({ isCut }) => isCut)
  }
})

const overlaps = (part: Whereabouts, { status, outcome }: Whereabouts): boolean =>
  agree(part.status, status) && agree(part.outcome, outcome)

const agree = <A>(one: A | undefined, other: A | undefined): boolean =>
  one === undefined || other === undefined || one === other

const searchedPart = Effect.fnUntraced(function* (filter: RunFilter, freshness: Freshness) {
  const store = yield* RunStore
  const found: Array<WatchedRun> = []
  const unreadable: Array<RunUnreadable> = []
  let before = filter.before
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += PAGE) {
    const page = yield* store.list({ ...filter, ...(before === undefined ? {} : { before }), limit: PAGE })
    unreadable.push(...page.unreadable)
    found.push(...(yield* watchRuns(page.runs)).filter((watched) => watched.freshness === freshness))
    before = page.runs.at(-1)?.dispatch.id
    const isLast = page.runs.length + page.unreadable.length < PAGE
    if (found.length >= filter.limit || isLast || before === undefined) {
      return { watched: found, unreadable, isCut: false }
    }
  }
  return { watched: found, unreadable, isCut: true }
})
