/**
 * How many runs of an operation may run at once, everywhere and for one tenant, and which of several that would start may start now.
 * The others wait, untouched: no decision is made of them, and no attempt is spent.
 *
 * Contract section 8; law `limits_are_never_exceeded`.
 */
import type { OperationType } from "./Ids.ts"
import { type Lane, laneKeyOf, laneOf } from "./Lane.ts"
import { rankOf } from "./Priority.ts"
import type { Queued } from "./Run.ts"

/** The limits of an operation; null where there is none. */
export interface ConcurrencyLimits {
  /** At most so many at once, of all workspaces together and over all workers. */
  readonly total: number | null
  /** At most so many at once for each tenant; the runs of a workspace that are for no tenant count as those of one. */
  readonly perTenant: number | null
}

/** What is counted against a limit: the running runs of an operation, or those of a lane. */
export type Counter =
  | { readonly _tag: "Operation"; readonly operationType: OperationType }
  | { readonly _tag: "Lane"; readonly lane: Lane }

/** One text for each counter. A lane's key has separators, a type has none. */
export const counterKeyOf = (counter: Counter): string =>
  counter._tag === "Operation" ? counter.operationType : laneKeyOf(counter.lane)

/** A run that has to wait, and the counter that has no room for it. */
export interface KeptWaiting {
  readonly run: Queued
  readonly counter: Counter
  /** True when somebody else is admitting runs of this counter at this moment: it may have room, and is asked again soon. */
  readonly isBusy: boolean
}

/** Which runs may be admitted now, in the order given, and which have to wait. */
export interface Turns {
  readonly now: ReadonlyArray<Queued>
  readonly later: ReadonlyArray<KeptWaiting>
}

/** Says what the limits of an operation are; null for one without. */
export type LimitsOf = (type: OperationType) => ConcurrencyLimits | null

/** What is counted, and the limit it must not exceed. */
interface Limited {
  readonly counter: Counter
  readonly limit: number
}

const limitedBy = (run: Queued, limitsOf: LimitsOf): ReadonlyArray<Limited> => {
  const { subject } = run.dispatch
  const { operationType } = subject
  const limits = limitsOf(operationType)
  if (limits === null) return []
  const { total, perTenant } = limits
  return [
    ...(total === null ? [] : [{ counter: { _tag: "Operation" as const, operationType }, limit: total }]),
    ...(perTenant === null ? [] : [{ counter: { _tag: "Lane" as const, lane: laneOf(subject) }, limit: perTenant }])
  ]
}

/** The counters of these runs, each once; empty when none of their operations has a limit. */
export const countersOf = (runs: ReadonlyArray<Queued>, limitsOf: LimitsOf): ReadonlyArray<Counter> => [
  ...new Map(
    runs.flatMap((run) => limitedBy(run, limitsOf)).map(({ counter }) => [counterKeyOf(counter), counter])
  ).values()
]

/** In the order in which they are taken: by priority, then by how long they could have been, then by id. */
const inOrder = (a: Queued, b: Queued): number =>
  rankOf[a.dispatch.priority] - rankOf[b.dispatch.priority] ||
  a.availableAtMillis - b.availableAtMillis ||
  (a.dispatch.id < b.dispatch.id ? -1 : 1)

/**
 * Gives each run its turn or lets it wait. `running` says how many run by counter key, as it is while nobody else can admit any; a
 * counter that is missing is another's at this moment, and its runs wait.
 */
export const turnsOf = (
  runs: ReadonlyArray<Queued>,
  limitsOf: LimitsOf,
  running: ReadonlyMap<string, number>
): Turns => {
  const taken = new Map(running)
  const waiting = new Map<Queued, KeptWaiting>()
  for (const run of runs.toSorted(inOrder)) {
    const limited = limitedBy(run, limitsOf)
    const without = limited.find(({ counter, limit }) => (taken.get(counterKeyOf(counter)) ?? limit) >= limit)
    if (without !== undefined) {
      waiting.set(run, { run, counter: without.counter, isBusy: !taken.has(counterKeyOf(without.counter)) })
      continue
    }
    for (const { counter } of limited) taken.set(counterKeyOf(counter), (taken.get(counterKeyOf(counter)) ?? 0) + 1)
  }
  return { now: runs.filter((run) => !waiting.has(run)), later: [...waiting.values()] }
}
