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
import {
  basisOf,
  confirmingParameters,
  confirmingStatement,
  movingParameters,
  movingStatement,
  type Telling
} from "./write.ts"

/** A row without an id says that the other statement would have been the right one; see {@link Telling}. */
interface AnsweredRow {
  readonly id: string | null
}

/** One statement for steps of one sort, in its two forms. */
interface Statement {
  readonly texts: Readonly<Record<Telling, string>>
  readonly parametersOf: (steps: ReadonlyArray<Step>, telling: Telling) => ReadonlyArray<unknown>
}

/** In the order of ids, so that two writers of the same runs meet at the first of them and not crosswise. */
const byId = (a: Step, b: Step) => {
  const [one, other] = [a.before.dispatch.id, b.before.dispatch.id]
  if (one === other) return 0
  return one < other ? -1 : 1
}

/** Steps, ordered, in rounds: within one statement a run can be written once. */
const roundsOf = (steps: ReadonlyArray<Step>): ReadonlyArray<ReadonlyArray<Step>> => {
  const rounds: Array<Array<Step>> = []
  let last: RunId | null = null
  let at = 0
  for (const step of steps) {
    const { id } = step.before.dispatch
    at = id === last ? at + 1 : 0
    last = id
    const round = rounds[at]
    if (round === undefined) rounds[at] = [step]
    else round.push(step)
  }
  return rounds
}

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
  const textsOf = (statement: (telling: Telling) => string) => ({
    tells: statement("tells"),
    nobody: statement("nobody")
  })
  const move = {
    decided: textsOf((by) => movingStatement(names, by, "decided")),
    reported: textsOf((by) => movingStatement(names, by, "reported"))
  }
  const confirm = textsOf((by) => confirmingStatement(names, by))
  let telling: Telling = "nobody"

  const idsRefused = Effect.fnUntraced(function* (statement: Statement, steps: ReadonlyArray<Step>, by: Telling) {
    const parameters = yield* Effect.try({
      try: () => statement.parametersOf(steps, by),
      catch: (cause) => storeUnavailable("write steps", cause)
    })
    const rows = yield* during("write steps")(sql.unsafe<AnsweredRow>(statement.texts[by], parameters))
    return new Set(rows.map(({ id }) => id))
  })

  const writeWith = Effect.fnUntraced(function* (statement: Statement, steps: ReadonlyArray<Step>) {
    if (steps.length === 0) return []
    const by = telling
    let refused = yield* idsRefused(statement, steps, by)
    if (refused.has(null)) {
      telling = by === "nobody" ? "tells" : "nobody"
      if (by === "nobody") refused = yield* idsRefused(statement, steps, "tells")
    }
    return steps.filter(({ before }) => refused.has(before.dispatch.id)).map(refusalOf)
  })

  const writeRound = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>, lease: Lease | null) {
    const active = steps.filter(({ before }) => !isCompleted(before))
    const moves = active.filter(({ before, after }) => before !== after)
    const confirmations = active.filter(({ before, after }) => before === after)
    const basis = basisOf(moves)
    const moving: Statement = {
      texts: move[basis],
      parametersOf: (some, by) => movingParameters(some, by, basis, lease)
    }
    return [
      ...steps.filter(({ before }) => isCompleted(before)).map(refusalOf),
      ...(yield* writeWith(moving, moves)),
      ...(yield* writeWith({ texts: confirm, parametersOf: confirmingParameters }, confirmations))
    ]
  })

  return Effect.fnUntraced(function* (steps, lease) {
    const refused: Array<IllegalTransition> = []
    for (const round of roundsOf(steps.toSorted(byId))) refused.push(...(yield* writeRound(round, lease)))
    return refused
  })
}
