/** `RunQueue` in memory: the run table itself. */
import {
  auditOfSettingAside,
  eventsOf,
  type Failed,
  isCompleted,
  noticeOf,
  type Queued,
  type Run,
  RunId,
  type Running,
  type RunPage,
  RunQueue,
  type RunUnreadable,
  unreadableFailure
} from "@countersign/domain"
import { Effect, HashMap, Layer, Result, Schema } from "effect"
import { AuthorityTables } from "./AuthorityTables.ts"
import { countsOf, laneByLane, oldestFirst } from "./claim.ts"
import { type Changed, MemoryState } from "./MemoryState.ts"
import { Tables } from "./Tables.ts"

const byId = (a: Queued, b: Queued) => (a.dispatch.id < b.dispatch.id ? -1 : 1)

const isRunId = Schema.is(RunId)

const isQueued = (run: Run | undefined): run is Queued => run?._tag === "Queued"

const pageOf = (runs: ReadonlyArray<Queued>): RunPage<Queued> => ({ runs, unreadable: [] })

const queuedAmong = (tables: Tables, ids: ReadonlyArray<RunId>): ReadonlyArray<Queued> =>
  Array.from(new Set(ids), (id) => Tables.rowOf(tables, id)?.run)
    .filter(isQueued)
    .sort(byId)

const takeableAmong = (tables: Tables, ids: ReadonlyArray<RunId>): ReadonlyArray<Queued> =>
  queuedAmong(tables, ids).filter((run) => !Tables.isPaused(tables, run))

const waiting = (tables: Tables, availableAtMillis: number, types: ReadonlySet<string>): ReadonlyArray<Queued> =>
  Tables.activeRows(tables)
    .map(({ run }) => run)
    .filter(isQueued)
    .filter((run) => run.availableAtMillis <= availableAtMillis && types.has(run.dispatch.subject.operationType))
    .filter((run) => !Tables.isPaused(tables, run))
    .sort((a, b) => a.availableAtMillis - b.availableAtMillis || byId(a, b))

const postponed = (tables: Tables, ids: ReadonlyArray<RunId>, untilMillis: number): Tables =>
  queuedAmong(tables, ids).reduce((now, run) => Tables.withAvailability(now, run, untilMillis), tables)

/**
 * Makes held runs available whose workspace's epoch has moved. Each takes the new epoch along, so that it is offered once for each
 * change, however often it is put off meanwhile.
 */
const offeredAgain = (before: Tables, nowMillis: number): Changed<number> => {
  let offered = 0
  let tables = before
  for (const [id, heldEpoch] of before.held) {
    const run = Tables.rowOf(before, id)?.run
    if (!isQueued(run) || heldEpoch === null) continue
    const epoch = AuthorityTables.epochOf(before.authority, run.dispatch.subject.scope.workspaceId)
    if (heldEpoch >= epoch) continue
    tables = { ...tables, held: HashMap.set(tables.held, id, epoch) }
    if (run.availableAtMillis <= nowMillis) continue
    tables = Tables.withAvailability(tables, run, nowMillis)
    offered += 1
  }
  return [offered, offered === 0 ? tables : { ...tables, arrivals: tables.arrivals + 1 }]
}

const unreadableEnd = (run: Queued | Running, { problem }: RunUnreadable, completedAtMillis: number): Failed => ({
  _tag: "Failed",
  dispatch: run.dispatch,
  attempt: run.attempt,
  admission: run.admission,
  startedAtMillis: run.startedAtMillis,
  completedAtMillis,
  counts: run.counts,
  failure: unreadableFailure(problem)
})

const quarantined = (tables: Tables, unreadable: RunUnreadable, nowMillis: number): Tables => {
  const run = isRunId(unreadable.runId) ? Tables.rowOf(tables, unreadable.runId)?.run : undefined
  if (run === undefined || isCompleted(run)) return tables
  const end = unreadableEnd(run, unreadable, nowMillis)
  const ended = Tables.withAudit(Tables.withRun(tables, end, null), run.dispatch.id, [auditOfSettingAside(run, end)])
  return Tables.withEvents(Tables.withNotice(ended, noticeOf(end)), eventsOf(run, end))
}

/**
 * Nobody else holds anything while a unit of work lasts, so nothing has to be skipped. No row here can make no sense; `quarantine`
 * believes its caller.
 */
export const layerRunQueue: Layer.Layer<RunQueue, never, MemoryState> = Layer.effect(
  RunQueue,
  Effect.map(MemoryState, ({ look, change, arrivals }) => {
    let endedIn = ""
    return RunQueue.of({
      holdNext: (claim) =>
        look((tables) => {
          if (claim.order === "oldest") return oldestFirst(tables, claim)
          const [claimed, last] = laneByLane(tables, claim, endedIn)
          endedIn = last
          return claimed
        }),
      holdThese: (ids) => look((tables) => pageOf(takeableAmong(tables, ids))),
      takeCounters: (counters) => look((tables) => countsOf(tables, counters)),
      postpone: (ids, untilMillis) =>
        change((tables) => Result.succeed([undefined, postponed(tables, ids, untilMillis)])),
      offerHeldAgain: (nowMillis) => change((tables) => Result.succeed(offeredAgain(tables, nowMillis))),
      waitingSince: (availableAtMillis, operationTypes, limit) =>
        look((tables) =>
          waiting(tables, availableAtMillis, new Set(operationTypes))
            .slice(0, limit)
            .map(({ dispatch }) => dispatch.id)
        ),
      quarantine: (unreadable, nowMillis) =>
        change((tables) =>
          Result.succeed([undefined, unreadable.reduce((now, row) => quarantined(now, row, nowMillis), tables)])
        ),
      wakes: arrivals,
      countActive: (operationTypes) => {
        const types = new Set(operationTypes)
        return look(
          (tables) =>
            Tables.activeRows(tables).filter(
              ({ run }) =>
                types.has(run.dispatch.subject.operationType) &&
                (run._tag === "Running" || !Tables.isPaused(tables, run))
            ).length
        )
      }
    })
  })
)
