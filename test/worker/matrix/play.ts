/** Plays the whole matrix on one store: every cell is dispatched while legitimate, its one change is made, a worker does the rest. */
import { Catalogue, type Notice, type RunId } from "@countersign/domain"
import { type HandlerContext, sampleCatalogue, Worker } from "@countersign/worker"
import { Deferred, Effect, Layer, Ref } from "effect"
import { layerNoticesSeen } from "../support/gate.ts"
import { type Cell, cellOf, dispatch, settle, settleWorkspaces } from "./Cell.ts"
import { type ChangeName, changeNames, changes } from "./changes.ts"
import { countsOf, type Ending, endingOf, type Part } from "./Ending.ts"
import { families } from "./families.ts"
import { StoredRows } from "./StoredRows.ts"

/** One cell, played. */
export interface Played {
  readonly part: Part
  readonly name: ChangeName
  readonly cell: Cell
  readonly ending: Ending
}

/** Plays every cell of both parts. */
export const playMatrix = Effect.gen(function* () {
  const declared = changeNames.filter((name) => changes[name].when !== "deploy")
  const facts = changeNames.filter((name) => changes[name].when === "any_time")
  return [
    ...(yield* play("waiting", declared, sampleCatalogue)),
    ...(yield* play("waiting", ["operationWithdrawn"], WITHOUT_DECLARATIONS)),
    ...(yield* play("waiting", ["systemWithdrawn"], WITHOUT_SYSTEM_AUTHORITY)),
    ...(yield* play("at work", facts, sampleCatalogue))
  ]
})

/** What a catalogue says of operations that it does not know; a worker is not started with handlers of such. */
const WITHOUT_DECLARATIONS: Catalogue = { ...sampleCatalogue, requirementsOf: () => null }

/** The sample as a later deployment may declare it. */
const WITHOUT_SYSTEM_AUTHORITY = Catalogue.make(
  families.map(({ operation }) => ({
    ...operation,
    requirements: { ...operation.requirements, systemAuthority: false }
  }))
)

const play = Effect.fnUntraced(function* (part: Part, names: ReadonlyArray<ChangeName>, catalogue: Catalogue) {
  const cells = names.flatMap((name) => families.map((family) => ({ name, cell: cellOf(part, family, changes[name]) })))
  yield* settleWorkspaces(cells.map(({ cell }) => cell))
  const dispatched = yield* Effect.forEach(
    cells,
    ({ name, cell }) => Effect.map(Effect.andThen(settle(cell), dispatch(cell)), (id) => ({ id, name, cell })),
    { concurrency: 8 }
  )
  const changeAll = Effect.forEach(cells, ({ cell }) => cell.change.make(cell), { concurrency: 8, discard: true })
  const stage = yield* makeStage(new Map(dispatched.map(({ id, cell }) => [id, cell])))

  if (part === "waiting") yield* changeAll
  yield* Effect.gen(function* () {
    if (part === "at work") {
      yield* Deferred.await(stage.allAtWork)
      yield* changeAll
      yield* Deferred.succeed(stage.goOn, undefined)
    }
    yield* Effect.flatMap(Worker, ({ drained }) => drained)
  }).pipe(
    Effect.provide(
      Worker.layer({
        catalogue,
        handlers: families.map(({ doing }) => doing(part === "waiting" ? stage.work : stage.workOnAndAsk)),
        concurrency: cells.length,
        batch: cells.length,
        pollMillis: 20,
        // No heartbeat comes in between: the checkpoint is to find out.
        leaseMillis: 600_000
      }).pipe(Layer.provide(layerNoticesSeen(stage.notices)))
    )
  )
  const seen = { called: stage.called, wentOn: stage.wentOn, notices: yield* Ref.get(stage.notices) }
  const rows = yield* (yield* StoredRows).all
  return yield* Effect.forEach(dispatched, ({ id, name, cell }) =>
    Effect.map(endingOf(id, rows.get(id), seen), (ending): Played => ({ part, name, cell, ending }))
  )
})

/** What the handlers of one play do, and what is seen of it. */
const makeStage = Effect.fnUntraced(function* (cells: ReadonlyMap<RunId, Cell>) {
  const called: Array<RunId> = []
  const wentOn: Array<RunId> = []
  const allAtWork = yield* Deferred.make<void>()
  const goOn = yield* Deferred.make<void>()
  const begin = ({ runId, reportCounts }: HandlerContext) =>
    Effect.suspend(() => {
      called.push(runId)
      const cell = cells.get(runId)
      return cell === undefined ? Effect.die("a run of nobody's") : Effect.orDie(reportCounts(countsOf(cell)))
    })
  const finish = ({ runId }: HandlerContext) => Effect.sync(() => void wentOn.push(runId))
  return {
    called,
    wentOn,
    allAtWork,
    goOn,
    notices: yield* Ref.make<ReadonlyArray<Notice>>([]),
    work: (context: HandlerContext) => Effect.andThen(begin(context), finish(context)),
    workOnAndAsk: (context: HandlerContext) =>
      Effect.gen(function* () {
        yield* begin(context)
        if (called.length === cells.size) yield* Deferred.succeed(allAtWork, undefined)
        yield* Deferred.await(goOn)
        yield* context.checkpoint
        yield* finish(context)
      })
  }
})
