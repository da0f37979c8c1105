/** Row 3: a worker from claim to completed. */
import { NoticeChannel } from "@countersign/domain"
import { Handler, Worker, type WorkerEvent } from "@countersign/worker"
import { Context, Deferred, Effect, Layer } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Case, Row } from "../harness/Row.ts"
import type { Filled, Store } from "../stores/Store.ts"
import { catalogue, operation } from "../stores/world.ts"

const noOp = Handler.make(operation, () => Effect.void)

/** Takes the first notices and never says that they are delivered: what is measured then is the run, not its news. */
const silent = NoticeChannel.of({ deliver: () => Effect.never })

/** Counts down; `done` when everything has happened. */
const countdown = (from: number) =>
  Effect.map(Deferred.make<void>(), (done) => {
    let left = from
    const one = Effect.suspend(() => {
      left -= 1
      return left === 0 ? Effect.asVoid(Deferred.succeed(done, undefined)) : Effect.void
    })
    return { one, done: Deferred.await(done) }
  })

const isEnd = (event: WorkerEvent): boolean => event._tag === "Settled" || event._tag === "Blocked"

interface Terms {
  readonly at: number
  readonly runs: number
  readonly delivered: boolean
}

/** Milliseconds from the start of a worker until every run is completed, or until every notice is delivered as well. */
const millisToComplete = Effect.fnUntraced(function* ({ ports }: Filled, { at, runs, delivered }: Terms) {
  const completed = yield* countdown(runs)
  const told = yield* countdown(runs)
  const channel = delivered ? NoticeChannel.of({ deliver: () => told.one }) : silent
  const worker = Worker.layer({
    catalogue,
    handlers: [noOp],
    concurrency: at,
    batch: at,
    name: "bench",
    drainMillis: 1_000,
    observe: (event) => (isEnd(event) ? completed.one : Effect.void)
  }).pipe(Layer.provide(Layer.succeedContext(Context.add(ports, NoticeChannel, channel))))
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const begun = performance.now()
      yield* Layer.build(worker)
      yield* completed.done
      if (delivered) yield* told.done
      return performance.now() - begun
    })
  )
})

const caseOf = (store: Store, line: string, terms: Terms): Case => ({
  name: `${line}, ${terms.at}`,
  measure: Effect.gen(function* () {
    const filled = yield* store.filled({ queued: terms.runs })
    collectGarbage()
    const millis = yield* millisToComplete(filled, terms)
    yield* filled.check("completed", terms.runs)
    return [{ line, column: `concurrency and batch ${terms.at}`, value: (terms.runs / millis) * 1000 }]
  })
})

export const endToEndRow = (stores: ReadonlyArray<Store>, runs: number): Row => ({
  key: "end-to-end",
  title: "3. End to end through a worker",
  unit: "runs per second",
  remark:
    "From the start of the worker until the last run is completed: handler that does nothing, settlement, notice in the outbox. “Delivered”: until the last notice is delivered too, by a channel that takes it at once.",
  cases: stores.flatMap((store) => [
    ...[100, 500].map((at) => caseOf(store, store.name, { at, runs, delivered: false })),
    caseOf(store, `${store.name}, delivered`, { at: 100, runs: Math.ceil(runs / 2), delivered: true })
  ])
})
