/** What the laws of the whole path share: a worker until all is done, handlers that count, runs of their own. */
import type { AuthorityBook } from "@countersign/adapters/testing"
import {
  type AuditLog,
  type Catalogue,
  type Facts,
  type Fence,
  type Notice,
  NoticeChannel,
  type Notices,
  type Pauses,
  type Run,
  type RunId,
  type RunQueue,
  type RunStore,
  type Schedules,
  type UnitOfWork
} from "@countersign/domain"
import { Countersign, Handler, inventorySync, sampleCatalogue, Worker, type WorkerOptions } from "@countersign/worker"
import { Effect, Layer, Ref } from "effect"
import { byAda } from "./world.ts"

export type Store =
  | AuthorityBook
  | RunStore
  | RunQueue
  | UnitOfWork
  | Facts
  | Fence
  | AuditLog
  | Notices
  | Pauses
  | Schedules

/** Keeps every notice it is given. */
export const layerNoticesSeen = (seen: Ref.Ref<ReadonlyArray<Notice>>) =>
  Layer.succeed(NoticeChannel, { deliver: (notice) => Ref.update(seen, (all) => [...all, notice]) })

export const workerOptions = <R>(handlers: WorkerOptions<R>["handlers"], catalogue: Catalogue = sampleCatalogue) => ({
  catalogue,
  handlers,
  pollMillis: 20,
  drainMillis: 2_000
})

/** Runs a worker until nothing of its operations is active; answers the notices that were delivered. */
export const workUntilDrained = Effect.fnUntraced(function* <R>(
  handlers: WorkerOptions<R>["handlers"],
  catalogue: Catalogue = sampleCatalogue
) {
  const seen = yield* Ref.make<ReadonlyArray<Notice>>([])
  yield* Effect.flatMap(Worker, (worker) => worker.drained).pipe(
    Effect.provide(Worker.layer(workerOptions(handlers, catalogue)).pipe(Layer.provide(layerNoticesSeen(seen))))
  )
  return yield* Ref.get(seen)
})

/** A handler that counts its calls. */
export const counting = Effect.fnUntraced(function* () {
  const calls = yield* Ref.make(0)
  const handler = Handler.make(inventorySync, () =>
    Effect.as(
      Ref.update(calls, (n) => n + 1),
      { items: 7 }
    )
  )
  return { handler, calls: Ref.get(calls) }
})

let serial = 0
/** A number nobody had before. */
export const nextSerial = (): number => ++serial
/** A fresh identity for each dispatch. */
export const nextScope = () => ({ scope: `shelf-${++serial}` })

export const dispatchSync = Effect.gen(function* () {
  const gate = yield* Countersign
  const { run } = yield* gate.dispatch({ ...byAda, operation: inventorySync, payload: nextScope() })
  return run.dispatch.id
})

export const find = (id: RunId): Effect.Effect<Run, unknown, Countersign> =>
  Effect.flatMap(Countersign, (gate) => gate.find(id))

/** Asks every few milliseconds until the answer fits. */
export const eventually = <A, E, R>(
  ask: Effect.Effect<A, E, R>,
  fits: (answer: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.flatMap(ask, (answer) =>
    fits(answer) ? Effect.succeed(answer) : Effect.andThen(Effect.sleep(20), eventually(ask, fits))
  )
