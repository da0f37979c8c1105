/** `RunBoard` in memory. It looks at everything: what is in memory is never too much to look at. */
import {
  type BoardFilter,
  type BoardPosition,
  type BoardQuery,
  type BoardRun,
  type BoardScope,
  type EndCount,
  type EndsQuery,
  freshnessOf,
  isCompleted,
  type ReasonCode,
  type Run,
  RunBoard,
  type RunId,
  RunNotFound,
  wireStateOf
} from "@countersign/domain"
import { Effect, HashMap, Layer } from "effect"
import { MemoryState } from "./MemoryState.ts"
import { type RunRow, Tables } from "./Tables.ts"

const watched = ({ run, lease }: RunRow): BoardRun => ({ run, leaseUntilMillis: lease?.untilMillis ?? null })

const isInScope = ({ dispatch: { subject } }: Run, { workspaceId, tenants, operationTypes }: BoardScope): boolean =>
  subject.scope.workspaceId === workspaceId &&
  (subject.scope.tenantId === null || tenants.includes(subject.scope.tenantId)) &&
  (operationTypes === null || operationTypes.includes(subject.operationType))

const isHeld = (run: Run): boolean => run._tag === "Queued" && run.held !== null

const reasonOf = (run: Run): ReasonCode | null => {
  if (run._tag === "Blocked") return run.failure.code
  return run._tag === "Queued" ? (run.held?.failure.code ?? null) : null
}

const matches = ({ run, leaseUntilMillis }: BoardRun, filter: BoardFilter, nowMillis: number): boolean => {
  const { id, subject } = run.dispatch
  const { status, outcome } = wireStateOf[run._tag]
  const { ids, freshness } = filter
  return (
    (filter.status === undefined || filter.status === status) &&
    (filter.outcome === undefined || filter.outcome === outcome) &&
    (filter.held === undefined || filter.held === isHeld(run)) &&
    (filter.operationType === undefined || filter.operationType === subject.operationType) &&
    (filter.tenantId === undefined || filter.tenantId === subject.scope.tenantId) &&
    (filter.reason === undefined || filter.reason === reasonOf(run)) &&
    (ids === undefined || (id >= ids.from && id <= ids.to)) &&
    (freshness === undefined || freshness === freshnessOf(run, { nowMillis, leaseUntilMillis }))
  )
}

const lies = (id: RunId, at: BoardPosition): boolean => {
  switch (at._tag) {
    case "Newest":
      return true
    case "OlderThan":
      return id < at.id
    case "NewerThan":
      return id > at.id
  }
}

const rowsOf = (tables: Tables, scope: BoardScope): ReadonlyArray<BoardRun> =>
  Array.from(HashMap.values(tables.runs), watched).filter(({ run }) => isInScope(run, scope))

const pageOf = (tables: Tables, { scope, filter, nowMillis, at, limit }: BoardQuery) => {
  const upwards = rowsOf(tables, scope)
    .filter((row) => lies(row.run.dispatch.id, at) && matches(row, filter, nowMillis))
    .toSorted((a, b) => (a.run.dispatch.id < b.run.dispatch.id ? -1 : 1))
  const inOrder = at._tag === "NewerThan" ? upwards : upwards.toReversed()
  const shown = inOrder.slice(0, limit)
  return {
    runs: at._tag === "NewerThan" ? shown.toReversed() : shown,
    unreadable: [],
    goesOnAt: inOrder.length > limit ? (shown.at(-1)?.run.dispatch.id ?? null) : null,
    isCutShort: false
  }
}

const activeOf = (tables: Tables, scope: BoardScope) => {
  const runs = Tables.activeRows(tables).filter(({ run }) => isInScope(run, scope))
  return {
    queued: runs.filter(({ run }) => run._tag === "Queued").length,
    held: runs.filter(({ run }) => isHeld(run)).length,
    running: runs.filter(({ run }) => run._tag === "Running").length,
    isAtLeast: false
  }
}

const endsOf = (tables: Tables, { scope, sinceMillis, stretchMillis }: EndsQuery) => {
  const counts = new Map<string, EndCount>()
  for (const { run } of rowsOf(tables, scope)) {
    if (!isCompleted(run) || run.completedAtMillis < sinceMillis) continue
    const fromMillis = Math.floor(run.completedAtMillis / stretchMillis) * stretchMillis
    const { outcome } = wireStateOf[run._tag]
    const reason = reasonOf(run)
    const key = `${fromMillis} ${outcome} ${reason}`
    counts.set(key, { fromMillis, outcome, reason, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  return { sinceMillis, counts: [...counts.values()] }
}

/** Reads what is committed. */
export const layerRunBoard: Layer.Layer<RunBoard, never, MemoryState> = Layer.effect(
  RunBoard,
  Effect.map(MemoryState, ({ look }) =>
    RunBoard.of({
      find: (id) =>
        Effect.flatMap(
          look((tables) => Tables.rowOf(tables, id)),
          (row) => (row === undefined ? Effect.fail(new RunNotFound({ runId: id })) : Effect.succeed(watched(row)))
        ),
      page: (query) => look((tables) => pageOf(tables, query)),
      active: (scope) => look((tables) => activeOf(tables, scope)),
      ends: (query) => look((tables) => endsOf(tables, query))
    })
  )
)
