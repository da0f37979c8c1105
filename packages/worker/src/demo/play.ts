/**
 * The demo: seven runs are dispatched legitimately, authority changes while they wait, and then a worker comes. It shows what
 * ran, what was blocked, and why.
 */
import type { SchemaName } from "@countersign/adapters"
import {
  AuditLog,
  type DecisionRecord,
  isCompleted,
  type Pauses,
  type Run,
  RunStore,
  type StoreUnavailable
} from "@countersign/domain"
import { Clock, Effect, Layer, Schedule } from "effect"
import { SecureRandom } from "effect/crypto"
import { SqlClient, type SqlError } from "effect/sql"
import { Countersign } from "../Countersign.ts"
import type { DispatchRefused } from "../DispatchRequest.ts"
import { sampleCatalogue } from "../sample/operations.ts"
import { Worker, type WorkerPorts } from "../Worker.ts"
import { type Cast, makeCast } from "./cast.ts"
import { changes } from "./changes.ts"
import { layerQueueOf } from "./DemoQueue.ts"
import { type DemoDispatch, dispatches } from "./dispatches.ts"
import { demoHandlers } from "./handlers.ts"
import { seed } from "./seed.ts"

/** One run of the demo at its end. */
export interface DemoRun {
  readonly dispatch: DemoDispatch
  readonly run: Run
  readonly decisions: ReadonlyArray<DecisionRecord>
}

/** What a demo came to. */
export interface Played {
  readonly cast: Cast
  readonly runs: ReadonlyArray<DemoRun>
  readonly tookMillis: number
}

type Store = RunStore | AuditLog | Pauses | WorkerPorts | SqlClient.SqlClient
type Troubles = StoreUnavailable | DispatchRefused | SqlError.SqlError

/** Plays the demo in a workspace of its own. `tell` hears how it goes. */
export const play = Effect.fn("play")(function* <R>(
  schema: SchemaName,
  tell: (line: string) => Effect.Effect<void, never, R>
): Effect.fn.Return<Played, Troubles, Store | R> {
  const beganMillis = yield* Clock.currentTimeMillis
  const cast = makeCast(yield* freshSuffix)
  yield* tell(`A workspace with six people, four tenants and their connections: ${cast.workspace}`)
  yield* seed(schema, cast)

  const dispatched = yield* dispatchAll(dispatches(cast))
  yield* tell(`Monday: ${dispatched.length} runs are dispatched, every one of them legitimate. They wait.`)

  const sql = yield* SqlClient.SqlClient
  yield* tell("Tuesday, while they wait:")
  yield* Effect.forEach(changes(sql, schema, cast), ({ told, change }) => Effect.andThen(tell(`  ${told}`), change), {
    discard: true
  })

  yield* tell("Wednesday: a worker comes, and asks again about each run before it acts.")
  const ids = dispatched.map(({ run }) => run.dispatch.id)
  const worked = Effect.flatMap(Worker, ({ delivered }) => Effect.andThen(untilCompleted(ids), delivered))
  yield* Effect.provide(worked, Worker.layer(WORKER).pipe(Layer.provide(layerQueueOf(ids))))

  const runs = yield* Effect.forEach(dispatched, ({ dispatch, run }) => seen(dispatch, run))
  return { cast, runs, tookMillis: (yield* Clock.currentTimeMillis) - beganMillis }
})

const WORKER = { catalogue: sampleCatalogue, handlers: demoHandlers, pollMillis: 50, name: "demo" }

/** Eight characters that no other demo has. */
const freshSuffix = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  return (yield* random.uuidV4()).slice(0, 8)
}).pipe(Effect.provide(SecureRandom.layerWebCrypto))

const dispatchAll = (all: ReadonlyArray<DemoDispatch>) =>
  Effect.gen(function* () {
    const gate = yield* Countersign
    return yield* Effect.forEach(all, (dispatch) =>
      Effect.map(gate.dispatchUntyped(dispatch.request), ({ run }) => ({ dispatch, run }))
    )
  }).pipe(Effect.provide(Countersign.layer({ catalogue: sampleCatalogue })))

/** Looks again and again until each of these is completed. */
const untilCompleted = Effect.fnUntraced(function* (ids: ReadonlyArray<Run["dispatch"]["id"]>) {
  const store = yield* RunStore
  // They were just dispatched and nobody deletes active runs: that one is missing would be a bug of ours.
  const find = (id: Run["dispatch"]["id"]) =>
    store.find(id).pipe(Effect.catchTag(["RunNotFound", "RunUnreadable"], Effect.die))
  yield* Effect.forEach(ids, find).pipe(
    Effect.repeat({ until: (runs) => runs.every(isCompleted), schedule: Schedule.spaced("20 millis") })
  )
})

const seen = Effect.fnUntraced(function* (dispatch: DemoDispatch, { dispatch: { id } }: Run) {
  const store = yield* RunStore
  const log = yield* AuditLog
  const run = yield* store.find(id).pipe(Effect.catchTag(["RunNotFound", "RunUnreadable"], Effect.die))
  return { dispatch, run, decisions: yield* log.decisionsOf(id) }
})
