/** `RunStore` in memory. */
import {
  type Completed,
  type CountsReport,
  type Dispatched,
  type FirstStep,
  type HeldRun,
  IllegalTransition,
  idsOfTime,
  isCompleted,
  type Lease,
  type Pruning,
  type Queued,
  type Run,
  type RunFilter,
  type RunId,
  RunNotFound,
  type Running,
  RunStore,
  type Step,
  StoreUnavailable,
  type WaitingRun,
  wireStateOf
} from "@countersign/domain"
import { Effect, HashMap, Layer, Result } from "effect"
import { type Changed, MemoryState } from "./MemoryState.ts"
import { withOwnPayload } from "./ownPayload.ts"
import { type RunRow, Tables } from "./Tables.ts"

/** What the guard answers: the call is refused whole, as a database refuses it whose trigger objects. */
const unpermitted = (operation: string, run: Running) =>
  new StoreUnavailable({
    trouble: "rejected",
    operation,
    advice: "bring a run to running only by the step of an allowed decision",
    cause: new Error(`run ${run.dispatch.id} has no allowed decision of admission ${run.admission}`)
  })

/** The last line of defence: no `running` without a recorded allowed decision for that run and admission. */
const isPermitted = (tables: Tables, { dispatch, admission }: Running): boolean =>
  Tables.decisionsOf(tables, dispatch.id).some(
    (record) => record.runId === dispatch.id && record.admission === admission && record.decision._tag === "Allowed"
  )

/** One dispatch; a run that is stored already, or whose identity is active, is answered with and nothing is written. */
const dispatched = (
  tables: Tables,
  { run, audit, notice, events }: FirstStep
): Result.Result<Changed<Dispatched>, StoreUnavailable> => {
  const { id, identity } = run.dispatch
  const known = Tables.rowOf(tables, id)?.run ?? (isCompleted(run) ? undefined : Tables.activeOf(tables, identity))
  if (known !== undefined) return Result.succeed([{ run: known, deduped: true }, tables])
  if (run._tag === "Running") return Result.fail(unpermitted("dispatch runs", run))
  const own: typeof run = { ...run, dispatch: withOwnPayload(run.dispatch) }
  const stored = Tables.withAudit(Tables.withRun(tables, own, null), id, [audit])
  return Result.succeed([{ run, deduped: false }, Tables.withEvents(Tables.withNotice(stored, notice), events)])
}

/** Terminal states absorb; otherwise a step fits the run it left, by state, attempt and admission. */
const fits = (row: RunRow | undefined, { before }: Step): row is RunRow =>
  row !== undefined &&
  !isCompleted(row.run) &&
  row.run._tag === before._tag &&
  row.run.attempt === before.attempt &&
  row.run.admission === before.admission

const refusalOf = ({ before, after, audit }: Step) =>
  new IllegalTransition({
    runId: before.dispatch.id,
    from: before._tag,
    event: audit.at(-1)?.action ?? after._tag,
    reason: "changed_meanwhile"
  })

/** One step: the tables after it, or null when its run is not where the step leaves it. */
const stepped = (tables: Tables, step: Step, lease: Lease | null): Result.Result<Tables, StoreUnavailable> => {
  const { before, after, decision, audit, notice, events } = step
  const { id } = before.dispatch
  const recorded = Tables.withAudit(Tables.withDecision(tables, id, decision), id, audit)
  // A re-check that allows leaves the run, and the lease its worker has, as they are.
  if (after === before) return Result.succeed(recorded)
  if (after._tag !== "Running") {
    const moved = Tables.withRun(recorded, after, null, decision?.epoch ?? null)
    return Result.succeed(Tables.withEvents(Tables.withNotice(moved, notice), events))
  }
  return isPermitted(recorded, after)
    ? Result.succeed(Tables.withRun(recorded, after, lease))
    : Result.fail(unpermitted("write steps", after))
}

const matches = ({ dispatch, _tag }: Run, filter: RunFilter): boolean => {
  const { scope, operationType } = dispatch.subject
  const { status, outcome } = wireStateOf[_tag]
  return (
    (filter.workspaceId === undefined || filter.workspaceId === scope.workspaceId) &&
    (filter.tenantId === undefined || filter.tenantId === scope.tenantId) &&
    (filter.operationType === undefined || filter.operationType === operationType) &&
    (filter.status === undefined || filter.status === status) &&
    (filter.outcome === undefined || filter.outcome === outcome) &&
    (filter.before === undefined || dispatch.id < filter.before)
  )
}

const listed = (tables: Tables, filter: RunFilter): ReadonlyArray<Run> =>
  Array.from(HashMap.values(tables.runs), ({ run }) => run)
    .filter((run) => matches(run, filter))
    .sort((a, b) => (a.dispatch.id < b.dispatch.id ? 1 : -1))
    .slice(0, filter.limit)

const byId = (a: Run, b: Run) => (a.dispatch.id < b.dispatch.id ? -1 : 1)

const isHeldBy = (row: RunRow | undefined, admission: number, { holder }: Lease): row is RunRow =>
  row?.run._tag === "Running" && row.run.admission === admission && row.lease?.holder === holder

/** A running run without a lease is nobody's: it has been orphaned for longest. */
const endOf = ({ lease }: RunRow): number => lease?.untilMillis ?? Number.NEGATIVE_INFINITY

const orphans = (tables: Tables, nowMillis: number, limit: number): ReadonlyArray<Running> =>
  Tables.activeRows(tables)
    .filter((row) => endOf(row) < nowMillis)
    .sort((a, b) => endOf(a) - endOf(b) || byId(a.run, b.run))
    .map(({ run }) => run)
    .filter((run) => run._tag === "Running")
    .slice(0, limit)

const isRunning = (row: RunRow | undefined, admission: number): row is RunRow & { readonly run: Running } =>
  row?.run._tag === "Running" && row.run.admission === admission

/** The runs that are still running under these admissions, each once, by id. */
const runningAmong = (tables: Tables, held: ReadonlyArray<HeldRun>): ReadonlyArray<Running> =>
  Array.from(new Map(held.map((one): [string, HeldRun] => [`${one.id} ${one.admission}`, one])).values())
    .flatMap(({ id, admission }) => {
      const row = Tables.rowOf(tables, id)
      return isRunning(row, admission) ? [row.run] : []
    })
    .sort(byId)

const counted = (tables: Tables, { id, admission, counts }: CountsReport): Tables => {
  const row = Tables.rowOf(tables, id)
  return isRunning(row, admission) ? Tables.withRun(tables, { ...row.run, counts }, row.lease) : tables
}

const expired = (tables: Tables, nowMillis: number, limit: number): ReadonlyArray<Queued> =>
  Tables.activeRows(tables)
    .map(({ run }) => run)
    .filter((run) => run._tag === "Queued")
    .filter(({ dispatch }) => dispatch.expiresAtMillis <= nowMillis)
    .sort((a, b) => a.dispatch.expiresAtMillis - b.dispatch.expiresAtMillis || byId(a, b))
    .slice(0, limit)

const waiting = (tables: Tables, before: RunId | null, limit: number): ReadonlyArray<WaitingRun> =>
  Tables.activeRows(tables)
    .map(({ run }) => run)
    .filter((run) => run._tag === "Queued")
    .filter(({ dispatch }) => before === null || dispatch.id < before)
    .sort((a, b) => byId(b, a))
    .slice(0, limit)
    .map(({ dispatch: { id, subject, initiatorName, expiresAtMillis }, held }) => ({
      id,
      subject,
      initiatorName,
      expiresAtMillis,
      heldSinceMillis: held?.sinceMillis ?? null
    }))

/** The runs that a pruning looks at. */
const lookedAt = (tables: Tables, { completedBeforeMillis, after, limit }: Pruning): ReadonlyArray<Run> => {
  const { to } = idsOfTime(0, completedBeforeMillis)
  return Array.from(HashMap.values(tables.runs), ({ run }) => run)
    .filter(({ dispatch: { id } }) => id <= to && (after === null || id > after))
    .sort(byId)
    .slice(0, limit)
}

/** Of these, what completed long ago and nobody has to be told of any more, or has not been for too long. */
const old = (
  runs: ReadonlyArray<Run>,
  tables: Tables,
  { completedBeforeMillis, toldOrNotBeforeMillis }: Pruning
): ReadonlyArray<Completed> =>
  runs
    .filter((run) => isCompleted(run))
    .filter(
      ({ completedAtMillis, dispatch }) =>
        completedAtMillis < completedBeforeMillis &&
        (completedAtMillis < toldOrNotBeforeMillis || !Tables.isNoticePending(tables, dispatch.id))
    )

/**
 * The runs of this state. Steps are written whole or not at all; `running` without a recorded allowed decision for that run
 * and admission fails as `StoreUnavailable` (`rejected`) and writes nothing of the call. Nothing stored is ever unreadable.
 */
export const layerRunStore: Layer.Layer<RunStore, never, MemoryState> = Layer.effect(
  RunStore,
  Effect.map(MemoryState, ({ look, change }) => {
    const find = (id: RunId) =>
      Effect.flatMap(
        look((tables) => Tables.rowOf(tables, id)),
        (row) => (row === undefined ? Effect.fail(new RunNotFound({ runId: id })) : Effect.succeed(row.run))
      )
    return RunStore.of({
      dispatch: (steps) =>
        change((before) =>
          Result.gen(function* () {
            const answers: Array<Dispatched> = []
            let tables = before
            for (const step of steps) {
              const [answer, after] = yield* dispatched(tables, step)
              answers.push(answer)
              tables = after
            }
            return [answers, tables] as const
          })
        ),
      find,
      // Whoever is in a unit of work is alone in it: every run is held against change.
      hold: find,
      list: (filter) => look((tables) => ({ runs: listed(tables, filter), unreadable: [] })),
      listWaiting: (before, limit) => look((tables) => ({ runs: waiting(tables, before, limit), unreadable: [] })),
      write: (steps, lease) =>
        change((before) =>
          Result.gen(function* () {
            const refused: Array<IllegalTransition> = []
            let tables = before
            for (const step of steps) {
              const row = Tables.rowOf(tables, step.before.dispatch.id)
              if (fits(row, step)) tables = yield* stepped(tables, step, lease)
              else refused.push(refusalOf(step))
            }
            return [refused, tables] as const
          })
        ),
      extendLeases: (held, lease) =>
        change((before) => {
          const extended = new Set<RunId>()
          let tables = before
          for (const { id, admission } of held) {
            const row = Tables.rowOf(tables, id)
            if (!isHeldBy(row, admission, lease)) continue
            tables = Tables.withRun(tables, row.run, lease)
            extended.add(id)
          }
          return Result.succeed([extended, tables])
        }),
      leaseEnds: (ids) =>
        look(
          (tables) =>
            new Map(
              ids.flatMap((id): ReadonlyArray<[RunId, number | null]> => {
                const row = Tables.rowOf(tables, id)
                return row?.run._tag === "Running" ? [[id, row.lease?.untilMillis ?? null]] : []
              })
            )
        ),
      holdOrphans: (nowMillis, limit) =>
        look((tables) => ({ runs: orphans(tables, nowMillis, limit), unreadable: [] })),
      holdExpired: (nowMillis, limit) =>
        look((tables) => ({ runs: expired(tables, nowMillis, limit), unreadable: [] })),
      holdRunning: (held) => look((tables) => ({ runs: runningAmong(tables, held), unreadable: [] })),
      saveCounts: (reports) => change((tables) => Result.succeed([undefined, reports.reduce(counted, tables)])),
      prune: (pruning) =>
        change((tables) => {
          const looked = lookedAt(tables, pruning)
          const runs = old(looked, tables, pruning)
          const untold = runs.filter(({ dispatch }) => Tables.isNoticePending(tables, dispatch.id))
          const next = looked[pruning.limit - 1]?.dispatch.id ?? null
          return Result.succeed([
            { runs: runs.length, untold: untold.length, next },
            runs.reduce((now, { dispatch }) => Tables.withoutRun(now, dispatch.id), tables)
          ])
        })
    })
  })
)
