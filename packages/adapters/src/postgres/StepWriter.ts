/** Writes steps, each whole or not at all, and answers which were refused because their runs had moved on. */
import {
  IllegalTransition,
  isCompleted,
  type Lease,
  type RunId,
  type Step,
  type StoreUnavailable
} from "@countersign/domain"
import { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Names } from "./SchemaName.ts"
import { during, storeUnavailable } from "./troubles.ts"
import { confirmingParameters, confirmingStatement, movingParameters, movingStatement, type Telling } from "./write.ts"

/** A row without an id says that the other statement would have been the right one; see {@link Telling}. */
interface WrittenRow {
  readonly id: string | null
}

/** One statement for steps of one sort, in its two forms. */
interface Statement {
  readonly texts: Readonly<Record<Telling, string>>
  readonly parametersOf: (steps: ReadonlyArray<Step>, telling: Telling) => ReadonlyArray<unknown>
}

/** Steps in rounds: within one statement a run can be written once. */
const roundsOf = (steps: ReadonlyArray<Step>): ReadonlyArray<ReadonlyArray<Step>> => {
  const rounds: Array<Array<Step>> = []
  const seen = new Map<RunId, number>()
  for (const step of steps) {
    const { id } = step.before.dispatch
    const at = seen.get(id) ?? 0
    seen.set(id, at + 1)
    const round = rounds[at] ?? []
    round.push(step)
    rounds[at] = round
  }
  return rounds
}

/** In the order of ids, so that two writers of the same runs meet at the first of them and not crosswise. */
const byId = (a: Step, b: Step) => (a.before.dispatch.id < b.before.dispatch.id ? -1 : 1)

const refusalOf = ({ before, after, audit }: Step) =>
  new IllegalTransition({
    runId: before.dispatch.id,
    from: before._tag,
    event: audit.at(-1)?.action ?? after._tag,
    reason: "changed_meanwhile"
  })

/** The lease is for the runs that come to running. */
export type WriteSteps = (
  steps: ReadonlyArray<Step>,
  lease: Lease | null
) => Effect.Effect<ReadonlyArray<IllegalTransition>, StoreUnavailable>

/**
 * Events are built and sent where somebody wants them. Whether anybody does is remembered from one statement to the next, and asked
 * again within each: a subscription that is there when a statement begins is told of what it writes.
 */
export const makeStepWriter = (names: Names, sql: SqlClient.SqlClient): WriteSteps => {
  const textsOf = (statement: typeof movingStatement) => ({
    tells: statement(names, "tells"),
    nobody: statement(names, "nobody")
  })
  const [move, confirm] = [textsOf(movingStatement), textsOf(confirmingStatement)]
  let telling: Telling = "nobody"

  const idsWritten = Effect.fnUntraced(function* (statement: Statement, steps: ReadonlyArray<Step>, by: Telling) {
    const parameters = yield* Effect.try({
      try: () => statement.parametersOf(steps, by),
      catch: (cause) => storeUnavailable("write steps", cause)
    })
    const rows = yield* during("write steps")(sql.unsafe<WrittenRow>(statement.texts[by], parameters))
    return new Set(rows.map(({ id }) => id))
  })

  const writeWith = Effect.fnUntraced(function* (statement: Statement, steps: ReadonlyArray<Step>) {
    if (steps.length === 0) return []
    const by = telling
    let written = yield* idsWritten(statement, steps, by)
    if (written.has(null)) {
      telling = by === "nobody" ? "tells" : "nobody"
      if (by === "nobody") written = yield* idsWritten(statement, steps, "tells")
    }
    return steps.filter(({ before }) => !written.has(before.dispatch.id)).map(refusalOf)
  })

  const writeRound = Effect.fnUntraced(function* (round: ReadonlyArray<Step>, lease: Lease | null) {
    const steps = round.toSorted(byId)
    const active = steps.filter(({ before }) => !isCompleted(before))
    const moves = active.filter(({ before, after }) => before !== after)
    const confirmations = active.filter(({ before, after }) => before === after)
    const moving: Statement = { texts: move, parametersOf: (some, by) => movingParameters(some, by, lease) }
    return [
      ...steps.filter(({ before }) => isCompleted(before)).map(refusalOf),
      ...(yield* writeWith(moving, moves)),
      ...(yield* writeWith({ texts: confirm, parametersOf: confirmingParameters }, confirmations))
    ]
  })

  return Effect.fnUntraced(function* (steps, lease) {
    const refused: Array<IllegalTransition> = []
    for (const round of roundsOf(steps)) refused.push(...(yield* writeRound(round, lease)))
    return refused
  })
}
