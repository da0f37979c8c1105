/** Dispatch as SQL: statements whose parameters are texts, so that they are the same through any driver. */
import {
  type Dispatched,
  type FirstStep,
  isCompleted,
  type Run,
  type RunId,
  StoreUnavailable
} from "@countersign/domain"
import { Effect, Result } from "effect"
import { cellsOf, fromJson, namesOf, objectsOf } from "./Cells.ts"
import { eventColumns, noticeColumns, notingEvents } from "./columns.ts"
import { outcomeText, REPEATED, recordingFirst, runColumns } from "./FirstRows.ts"
import { RUN_COLUMNS, type RunRow, readRun } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"
import { arrayText, fromTexts, textCellsOf, textCount, textsOf } from "./TextCells.ts"

/** Runs one statement whose parameters are texts, and whose rows have one column `answer`, a text. */
export type Execute = (
  text: string,
  parameters: ReadonlyArray<string>
) => Effect.Effect<ReadonlyArray<string | null>, StoreUnavailable>

/** How many runs one statement stores at most. */
const CHUNK = 1000
/** How many characters of payloads one statement stores at most, unless a single one has more. */
const CHUNK_LENGTH = 8 * 1024 * 1024
/** How often an active run may end between the two statements before we believe that something is wrong. */
const TRIES = 5

/** Stores what is new; answers with the ids of what was stored, in one text. */
const insertion = (names: Names) => {
  const { q, channel } = names
  const outcome = textCount(runColumns) + 1
  return `WITH stored AS (
  INSERT INTO ${q}.runs (${namesOf(runColumns)})
  SELECT ${textCellsOf(runColumns, "s")} FROM ${fromTexts(runColumns, 1, "s")}
  ON CONFLICT DO NOTHING RETURNING ${REPEATED}, status
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

/** A step, and which of all that were given it is. */
interface Asked {
  readonly step: FirstStep
  readonly at: number
}

const rejected = (advice: string, cause: unknown) =>
  new StoreUnavailable({ trouble: "rejected", operation: "dispatch runs", advice, cause })

/** Dispatch through a function that runs SQL, within whatever transaction that function is in. */
export type DispatchWith = (
  execute: Execute,
  steps: ReadonlyArray<FirstStep>
) => Effect.Effect<ReadonlyArray<Dispatched>, StoreUnavailable>

/**
 * Of several runs with one identity the first is stored; the others, and those whose identity or id is stored already, are
 * answered with that run. More than one step takes several statements: all or nothing is for the transaction around them.
 */
export const makeDispatch = (names: Names): DispatchWith => {
  const insert = insertion(names)
  const find = existing(names)
  // Other words to a session that keeps plans by their text: that for one run, made while there are few, may go through the whole table.
  const findMany = `${find} -- many`

  /** Stores those that can be; answers with the others. */
  const store = Effect.fnUntraced(function* (execute: Execute, asked: ReadonlyArray<Asked>) {
    const { firsts, others } = firstsOf(asked)
    for (const { outcome, chunk } of chunksOf(firsts)) {
      const [ids] = yield* execute(
        insert,
        parametersOf(
          chunk.map(({ step }) => step),
          outcome
        )
      )
      const stored = new Set(ids?.split(" "))
      if (stored.size < chunk.length) others.push(...chunk.filter(({ step }) => !stored.has(step.run.dispatch.id)))
    }
    return others
  })

  /** Finds the run that is in the way of each of these: that of its id, or else the active one of its identity. */
  const findKnown = Effect.fnUntraced(function* (execute: Execute, asked: ReadonlyArray<Asked>) {
    const dispatches = asked.map(({ step }) => step.run.dispatch)
    const answers = yield* execute(asked.length > 1 ? findMany : find, [
      arrayText(dispatches.map(({ id }) => id)),
      arrayText(dispatches.map(({ identity }) => identity))
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
    return ({ step }: Asked): Run | null =>
      byId.get(step.run.dispatch.id) ?? active.get(step.run.dispatch.identity) ?? null
  })

  return Effect.fnUntraced(function* (execute, steps) {
    const answers = steps.map(({ run }): Dispatched => ({ run, deduped: false }))
    let open: ReadonlyArray<Asked> = steps.map((step, at) => ({ step, at }))
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

/** Of several with one id the first alone is stored, whatever else they say. */
const firstsOf = (asked: ReadonlyArray<Asked>) => {
  const firsts = new Map<RunId, Asked>()
  const others: Array<Asked> = []
  for (const one of asked) {
    const { id } = one.step.run.dispatch
    if (firsts.has(id)) others.push(one)
    else firsts.set(id, one)
  }
  return { firsts: [...firsts.values()], others }
}

/** Of one identity the first given comes first; everybody takes identities in one order, so that nobody waits crosswise. */
const byIdentity = (one: Asked, other: Asked): number => {
  const [first, second] = [one.step.run.dispatch.identity, other.step.run.dispatch.identity]
  if (first === second) return one.at - other.at
  return first < second ? -1 : 1
}

/** What one statement stores: steps that came out alike. */
interface Chunk {
  readonly outcome: string
  readonly chunk: Array<Asked>
}

const chunksOf = (asked: ReadonlyArray<Asked>): ReadonlyArray<Chunk> => {
  const chunks: Array<Chunk> = []
  const filling = new Map<string, Chunk & { length: number }>()
  for (const one of asked.toSorted(byIdentity)) {
    const outcome = outcomeText(one.step)
    const { length } = JSON.stringify(one.step.run.dispatch.payload)
    const last = filling.get(outcome)
    if (last !== undefined && last.chunk.length < CHUNK && last.length + length <= CHUNK_LENGTH) {
      last.chunk.push(one)
      last.length += length
    } else {
      const next = { outcome, chunk: [one], length }
      filling.set(outcome, next)
      chunks.push(next)
    }
  }
  return chunks
}

const parametersOf = (steps: ReadonlyArray<FirstStep>, outcome: string): ReadonlyArray<string> => [
  ...textsOf(
    runColumns,
    steps.map(({ run }) => run)
  ),
  outcome,
  JSON.stringify(
    objectsOf(
      noticeColumns,
      steps.flatMap(({ notice }) => notice ?? [])
    )
  ),
  JSON.stringify(
    objectsOf(
      eventColumns,
      steps.flatMap(({ events }) => events)
    )
  )
]

const slicesOf = (asked: ReadonlyArray<Asked>): ReadonlyArray<ReadonlyArray<Asked>> =>
  Array.from({ length: Math.ceil(asked.length / CHUNK) }, (_, index) => asked.slice(index * CHUNK, (index + 1) * CHUNK))
