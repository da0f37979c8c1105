/** Claims in memory, in their two orders. */
import {
  type Claim,
  type Claimed,
  type Counter,
  counterKeyOf,
  laneKeyOf,
  laneOf,
  type Queued,
  type Run,
  rankOf
} from "@countersign/domain"
import { Tables } from "./Tables.ts"

const byId = (a: Queued, b: Queued) => (a.dispatch.id < b.dispatch.id ? -1 : 1)

const byTurn = (a: Queued, b: Queued) =>
  rankOf[a.dispatch.priority] - rankOf[b.dispatch.priority] || a.availableAtMillis - b.availableAtMillis || byId(a, b)

const laneKey = ({ dispatch }: Queued) => laneKeyOf(laneOf(dispatch.subject))

const isQueued = (run: Run): run is Queued => run._tag === "Queued"

/** Every run the claim may have, in the oldest order: all are looked at, so that nothing stands in front of any. */
const eligible = (tables: Tables, claim: Claim): ReadonlyArray<Queued> => {
  const types = new Set(claim.operationTypes)
  const passedOver = new Set(claim.passOver)
  const full = new Set(claim.fullLanes.map(laneKeyOf))
  return Tables.activeRows(tables)
    .map(({ run }) => run)
    .filter(isQueued)
    .filter(
      (run) =>
        run.availableAtMillis <= claim.nowMillis &&
        types.has(run.dispatch.subject.operationType) &&
        !passedOver.has(run.dispatch.subject.scope.workspaceId) &&
        !full.has(laneKey(run)) &&
        !Tables.isPaused(tables, run)
    )
    .sort(byTurn)
}

const claimed = (runs: ReadonlyArray<Queued>, mayHaveMore: boolean): Claimed => ({
  runs: runs.toSorted(byId),
  unreadable: [],
  mayHaveMore
})

/** By priority, then those that could have been taken for longest, and among equals the oldest by id. */
export const oldestFirst = (tables: Tables, claim: Claim): Claimed =>
  claimed(eligible(tables, claim).slice(0, claim.limit), false)

/** Lane by lane, beginning behind the given one; answers with the lane to begin behind next. */
export const laneByLane = (tables: Tables, claim: Claim, endedIn: string): readonly [Claimed, string] => {
  const lanes = Map.groupBy(eligible(tables, claim), laneKey)
  const keys = [...lanes.keys()].sort()
  const walked = [...keys.filter((key) => key > endedIn), ...keys.filter((key) => key <= endedIn)]
  const giving = walked.slice(0, claim.limit)
  const share = Math.ceil(claim.limit / Math.max(giving.length, 1))
  const runs: Array<Queued> = []
  let last = endedIn
  let isLeft = giving.length < walked.length
  for (const key of giving) {
    const room = claim.limit - runs.length
    if (room === 0) break
    const inLane = lanes.get(key) ?? []
    runs.push(...inLane.slice(0, Math.min(share, room)))
    isLeft ||= inLane.length >= share
    last = key
  }
  return [claimed(runs, isLeft && runs.length < claim.limit), last]
}

/** Nobody else is in a unit of work: every counter can be taken. */
export const countsOf = (tables: Tables, counters: ReadonlyArray<Counter>): ReadonlyMap<string, number> => {
  const counts = new Map(counters.map((counter) => [counterKeyOf(counter), 0]))
  for (const { run } of Tables.activeRows(tables)) {
    if (run._tag !== "Running") continue
    const { subject } = run.dispatch
    for (const key of [subject.operationType, laneKeyOf(laneOf(subject))]) {
      const count = counts.get(key)
      if (count !== undefined) counts.set(key, count + 1)
    }
  }
  return counts
}
