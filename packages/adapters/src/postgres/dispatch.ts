/** Dispatch as SQL: statements whose parameters are texts, so that they are the same through any driver. */
import { type Dispatched, type FirstStep, isCompleted, type Run, StoreUnavailable } from "@countersign/domain"
import { Effect, Result } from "effect"
import { cellsOf, fromJson, namesOf } from "./Cells.ts"
import { eventColumns, noticeColumns, notingEvents } from "./columns.ts"
import { type Asked, askedOf, firstsOf, portionsOf, slicesOf } from "./DispatchPortions.ts"
import { REPEATED, recordingFirst, runColumns } from "./FirstRows.ts"
import { RUN_COLUMNS, type RunRow, readRun } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"
import { arrayText, fromTexts, textCellsOf, textCount } from "./TextCells.ts"
import { sqlStateOf } from "./troubles.ts"

/** Runs one statement whose parameters are texts, and whose rows have one column `answer`, a text. */
export type Execute = (
  text: string,
  parameters: ReadonlyArray<string>
) => Effect.Effect<ReadonlyArray<string | null>, StoreUnavailable>

/** How often an active run may end between the two statements before we believe that something is wrong. */
const TRIES = 5

/**
 * Whether a statement stands aside for what is active or stored already, or fails on it. Standing aside costs each run a sixth of what
 * the server does for it: everything unique is asked twice, and each row is first held by a lock of its own.
 */
type Manner = "stands aside" | "fails"

/** Stores what is new; answers with the ids of what was stored, in one text. */
const insertion = (names: Names, manner: Manner) => {
  const { q, channel } = names
  const outcome = textCount(runColumns) + 1
  return `WITH stored AS (
  INSERT INTO ${q}.runs (${namesOf(runColumns)})
  SELECT ${textCellsOf(runColumns, "s")} FROM ${fromTexts(runColumns, 1, "s")}
  ${manner === "stands aside" ? "ON CONFLICT DO NOTHING " : ""}RETURNING ${REPEATED}, status
), audited AS (
  ${recordingFirst(q, "stored", outcome)}
), announced AS (
  INSERT INTO ${q}.notices (${namesOf(noticeColumns)}, due_at)
  SELECT ${cellsOf(noticeColumns, "n")}, n.completed_at
  FROM ${fromJson(noticeColumns, `$${outcome + 1}::text::jsonb`, "n")}
  WHERE (n.run_id IN (SELECT id FROM stored)) IS TRUE
), told AS (
  ${notingEvents(names, fromJson(eventColumns, `$${outcome + 2}::text::jsonb`, "e"), "SELECT id FROM stored")}
), woken AS (
  SELECT pg_catalog.pg_notify('${channel}', '') WHERE EXISTS (SELECT FROM stored WHERE status = 'queued')
)
SELECT string_agg(id::text, ' ') AS answer FROM stored WHERE (SELECT count(*) FROM woken) >= 0`
}

const SAVEPOINT = "countersign_dispatch"

/** PostgreSQL keeps 64 subtransactions of a session at hand; one that has more slows everybody down. */
const SAVEPOINTS_AT_MOST = 50

/** The runs of these ids, and the active runs of these identities. The arrays are made out once, not for each row that is looked at. */
const existing = ({ q }: Names) => {
  const runs = (condition: string) => `SELECT ${RUN_COLUMNS} FROM ${q}.runs r WHERE ${condition}`
  return `SELECT to_jsonb(found)::text AS answer FROM (
  ${runs("r.id = ANY (ARRAY(SELECT unnest($1::text::uuid[])))")}
  UNION ALL
  ${runs("r.identity = ANY (ARRAY(SELECT unnest($2::text::text[]))) AND r.status <> 'completed'")}
) AS found`
}

/** A row of `runs` as JSON; PostgreSQL vouches for its types. */
const rowOf = (answer: string): RunRow => JSON.parse(answer)

const rejected = (advice: string, cause: unknown) =>
  new StoreUnavailable({ trouble: "rejected", operation: "dispatch runs", advice, cause })

/** Whether something unique was in the way. */
const isTaken = ({ cause }: StoreUnavailable): boolean => sqlStateOf(cause) === "23505"

/** Dispatch through a function that runs SQL, within whatever transaction that function is in. */
export type DispatchWith = (
  execute: Execute,
  steps: ReadonlyArray<FirstStep>
) => Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable>

/**
 * Of several runs with one identity the first is stored; the others, and those whose identity or id is stored already, are
 * answered with that run. More than one step takes several statements: all or nothing is for the transaction around them.
 *
 * With savepoints, what follows a portion that nothing was in the way of is stored in the hope that it stays so, which costs less; of
 * what was hoped for in vain, one portion is taken back and stored again, and all that follow stand aside.
 */
export const makeDispatch = (names: Names, { savepoints }: { readonly savepoints: boolean }): DispatchWith => {
  const insert = insertion(names, "stands aside")
  const insertOrFail = insertion(names, "fails")
  const find = existing(names)
  // Other words to a session that keeps plans by their text: that for one run, made while there are few, may go through the whole table.
  const findMany = `${find} -- many`

  /** Behind a savepoint. */
  const hopefully = (execute: Execute, parameters: ReadonlyArray<string>) =>
    execute(insertOrFail, parameters).pipe(
      Effect.catchIf(isTaken, () =>
        Effect.andThen(execute(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`, []), execute(insert, parameters))
      ),
      Effect.tap(execute(`RELEASE SAVEPOINT ${SAVEPOINT}`, []))
    )

  /** Stores those that can be; answers with the others. */
  const store = Effect.fnUntraced(function* (execute: Execute, given: ReadonlyArray<Asked>) {
    const { firsts, others } = firstsOf(given)
    const portions = portionsOf(firsts)
    const nextPortion = Effect.try({
      try: () => portions.next(),
      catch: (cause) => rejected("it holds what cannot be stored, such as an instant that is none", cause)
    })
    let portion = yield* nextPortion
    let hopes = savepoints ? SAVEPOINTS_AT_MOST : 0
    let isHopeful = false
    while (!portion.done) {
      const { asked, parameters } = portion.value
      if (isHopeful) yield* execute(`SAVEPOINT ${SAVEPOINT}`, [])
      // The texts of the next one are made while the server stores this one, which has to be on its way first.
      const [[ids], next] = yield* Effect.all(
        [
          isHopeful ? hopefully(execute, parameters) : execute(insert, parameters),
          Effect.andThen(Effect.yieldNow, nextPortion)
        ],
        { concurrency: "unbounded" }
      )
      const stored = new Set(ids?.split(" "))
      if (stored.size < asked.length) {
        others.push(...asked.filter(({ id }) => !stored.has(id)))
        hopes = 0
      }
      isHopeful = hopes > 0
      hopes -= 1
      portion = next
    }
    return others
  })

  /** Finds the run that is in the way of each of these: that of its id, or else the active one of its identity. */
  const findKnown = Effect.fnUntraced(function* (execute: Execute, asked: ReadonlyArray<Asked>) {
    const answers = yield* execute(asked.length > 1 ? findMany : find, [
      arrayText(asked.map(({ id }) => id)),
      arrayText(asked.map(({ identity }) => identity))
    ])
    const byId = new Map<string, Run>()
    const active = new Map<string, Run>()
    for (const answer of answers) {
      if (answer === null) continue
      const run = readRun(rowOf(answer))
      if (Result.isFailure(run)) {
        return yield* rejected("the run that is active under this identity cannot be read: mend or end it", run.failure)
      }
      const { id, identity } = run.success.dispatch
      byId.set(id, run.success)
      if (!isCompleted(run.success)) active.set(identity, run.success)
    }
    return ({ id, identity }: Asked): Run | null => byId.get(id) ?? active.get(identity) ?? null
  })

  return Effect.fnUntraced(function* (execute, steps) {
    const answers = steps.map(({ run }): Dispatched => ({ run, deduped: false }))
    let open: ReadonlyArray<Asked> = askedOf(steps)
    // A run can end between the statement that finds its identity taken and the one that looks for it.
    for (let tries = 0; open.length > 0; tries += 1) {
      if (tries === TRIES) return yield* rejected("runs of this identity come and go too fast: dispatch again", null)
      const gone: Array<Asked> = []
      for (const some of slicesOf(yield* store(execute, open))) {
        const knownOf = yield* findKnown(execute, some)
        for (const asked of some) {
          const run = knownOf(asked)
          if (run === null) gone.push(asked)
          else answers[asked.at] = { run, deduped: true }
        }
      }
      open = gone
    }
    return answers
  })
}
