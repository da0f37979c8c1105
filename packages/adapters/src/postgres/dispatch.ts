/** Dispatch as SQL: one statement with one text parameter, so that it is the same through any driver. */
import { type Dispatched, type FirstStep, type Run, RunId, StoreUnavailable } from "@countersign/domain"
import { Effect, Result, Schema } from "effect"
import { alone } from "./AuditEntry.ts"
import { cellsOf, column, fromJson, namesOf, objectsOf } from "./Cells.ts"
import { auditColumns, dispatchedColumns, eventColumns, noticeColumns, notingEvents, stateColumns } from "./columns.ts"
import { RUN_COLUMNS, type RunRow, readRun } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"

/** Runs one statement whose parameters are texts, and whose rows have one column `answer`, a text. */
export type Execute = (
  text: string,
  parameters: ReadonlyArray<string>
) => Effect.Effect<ReadonlyArray<string | null>, StoreUnavailable>

/** How many runs one statement stores at most. */
const CHUNK = 1000
/** How often an active run may end between the two statements before we believe that something is wrong. */
const TRIES = 5

const runColumns = [
  column("id", "uuid", ({ dispatch }: Run) => dispatch.id),
  ...dispatchedColumns,
  ...stateColumns.filter(({ name }) => name !== "available_at"),
  column(
    "available_at",
    "timestamptz",
    (run: Run) => new Date(run._tag === "Queued" ? run.availableAtMillis : run.dispatch.dispatchedAtMillis)
  )
]

/** Stores what is new; answers with the ids of what was stored. */
const insertion = (names: Names) => {
  const { q, channel } = names
  return `WITH given AS MATERIALIZED (
  SELECT $1::text::jsonb AS steps
), stored AS (
  INSERT INTO ${q}.runs (${namesOf(runColumns)})
  SELECT ${cellsOf(runColumns, "s")} FROM ${fromJson(runColumns, "(SELECT steps->'runs' FROM given)", "s")}
  ORDER BY s.identity, s.ordinality
  ON CONFLICT DO NOTHING RETURNING id, status
), audited AS (
  INSERT INTO ${q}.audit_records (${namesOf(auditColumns)})
  SELECT ${cellsOf(auditColumns, "a")} FROM ${fromJson(auditColumns, "(SELECT steps->'audit' FROM given)", "a")}
  WHERE (a.run_id IN (SELECT id FROM stored)) IS TRUE
), announced AS (
  INSERT INTO ${q}.notices (${namesOf(noticeColumns)}, due_at)
  SELECT ${cellsOf(noticeColumns, "n")}, n.completed_at
  FROM ${fromJson(noticeColumns, "(SELECT steps->'notices' FROM given)", "n")}
  WHERE (n.run_id IN (SELECT id FROM stored)) IS TRUE
), told AS (
  ${notingEvents(names, fromJson(eventColumns, "(SELECT steps->'events' FROM given)", "e"), "SELECT id FROM stored")}
), woken AS (
  SELECT pg_catalog.pg_notify('${channel}', '') WHERE EXISTS (SELECT FROM stored WHERE status = 'queued')
)
SELECT id::text AS answer FROM stored WHERE (SELECT count(*) FROM woken) >= 0`
}

/** The run of an id, or else the active run of an identity. */
const existing = ({ q }: Names) => `SELECT (SELECT to_jsonb(found) FROM (
  SELECT ${RUN_COLUMNS} FROM ${q}.runs r WHERE r.id = g.id OR (r.identity = g.identity AND r.status <> 'completed')
  ORDER BY r.id = g.id DESC LIMIT 1
) AS found)::text AS answer
FROM ROWS FROM (jsonb_to_recordset($1::text::jsonb) AS (id uuid, identity text)) WITH ORDINALITY AS g
ORDER BY g.ordinality`

/** A row of `runs` as JSON; PostgreSQL vouches for its types. */
const rowOf = (answer: string): RunRow => JSON.parse(answer)

const isRunId = Schema.is(RunId)

const keysOf = (steps: ReadonlyArray<FirstStep>): string =>
  JSON.stringify(steps.map(({ run: { dispatch } }) => ({ id: dispatch.id, identity: dispatch.identity })))

const rejected = (advice: string, cause: unknown) =>
  new StoreUnavailable({ trouble: "rejected", operation: "dispatch runs", advice, cause })

/** Dispatch through a function that runs SQL, within whatever transaction that function is in. */
export type DispatchWith = (
  execute: Execute,
  steps: ReadonlyArray<FirstStep>
) => Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable>

/**
 * Of several runs with one identity the first is stored; the others, and those whose identity or id is stored already, are
 * answered with that run.
 */
export const makeDispatch = (names: Names): DispatchWith => {
  const insert = insertion(names)
  const find = existing(names)

  const inserted = Effect.fnUntraced(function* (execute: Execute, steps: ReadonlyArray<FirstStep>) {
    const parameter = JSON.stringify({
      runs: objectsOf(
        runColumns,
        steps.map(({ run }) => run)
      ),
      audit: objectsOf(
        auditColumns,
        steps.map(({ audit }) => alone(audit))
      ),
      notices: objectsOf(
        noticeColumns,
        steps.flatMap(({ notice }) => notice ?? [])
      ),
      events: objectsOf(
        eventColumns,
        steps.flatMap(({ events }) => events)
      )
    })
    return new Set((yield* execute(insert, [parameter])).filter(isRunId))
  })

  const known = Effect.fnUntraced(function* (execute: Execute, steps: ReadonlyArray<FirstStep>) {
    const answers = yield* execute(find, [keysOf(steps)])
    const runs: Array<Run | null> = []
    for (const answer of answers) {
      const run = answer === null ? null : readRun(rowOf(answer))
      if (run !== null && Result.isFailure(run)) {
        return yield* rejected("the run that is active under this identity cannot be read: mend or end it", run.failure)
      }
      runs.push(run === null ? null : run.success)
    }
    return runs
  })

  /** One try at each of these steps; null where the run that was in the way has ended meanwhile. */
  const attempt = Effect.fnUntraced(function* (execute: Execute, steps: ReadonlyArray<FirstStep>) {
    const stored = yield* inserted(execute, steps)
    // An id that was given twice is stored once: only the first of the two is new.
    const isNew = steps.map((step) => stored.delete(step.run.dispatch.id))
    const others = steps.filter((_, index) => isNew[index] === false)
    const runs = others.length === 0 ? [] : yield* known(execute, others)
    let next = 0
    return steps.map((step, index): Dispatched | null => {
      if (isNew[index] === true) return { run: step.run, deduped: false }
      const run = runs[next] ?? null
      next += 1
      return run === null ? null : { run, deduped: true }
    })
  })

  // A run can end between the statement that finds its identity taken and the one that looks for it.
  const chunk = (
    execute: Execute,
    steps: ReadonlyArray<FirstStep>,
    triesLeft = TRIES
  ): Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable> =>
    Effect.gen(function* () {
      if (triesLeft === 0) return yield* rejected("runs of this identity come and go too fast: dispatch again", null)
      const answers = yield* attempt(execute, steps)
      const open = steps.filter((_, index) => answers[index] === null)
      const later = open.length === 0 ? [] : yield* chunk(execute, open, triesLeft - 1)
      const rest = later[Symbol.iterator]()
      return answers.flatMap((answer) => answer ?? rest.next().value ?? [])
    })

  return (execute, steps) =>
    Effect.map(
      Effect.forEach(chunksOf(steps), (some) => chunk(execute, some)),
      (answers) => answers.flat()
    )
}

const chunksOf = (steps: ReadonlyArray<FirstStep>): ReadonlyArray<ReadonlyArray<FirstStep>> =>
  Array.from({ length: Math.ceil(steps.length / CHUNK) }, (_, index) => steps.slice(index * CHUNK, (index + 1) * CHUNK))
