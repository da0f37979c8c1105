/** A whole worker at work on a filled store. */
import { NoticeChannel } from "@countersign/domain"
import { Handler, Worker, type WorkerEvent } from "@countersign/worker"
import { Context, Deferred, Effect, Layer } from "effect"
import { collectGarbage } from "../harness/memory.ts"
import type { Filled } from "../stores/Store.ts"
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

/** Ten, one before them in which a worker warms up, and one behind them in which it runs dry. */
export const PARTS = 12

/** One is settled while the next is decided about and the one behind it is being claimed. */
const BATCHES_IN_HAND = 4

export interface WorkTerms {
  /** How many runs an admission takes at most. */
  readonly batch: number
  /** The clock stops after so many runs. */
  readonly runs: number
  /** Whether their notices are to be delivered as well, by a channel that takes them at once. */
  readonly delivered?: boolean
}

export interface Worked {
  /** From the start of the worker until so many runs were completed (and their notices delivered). */
  readonly millis: number
  /** How long each of {@link PARTS} parts of the runs took, with as many runs in each. */
  readonly partsMillis: ReadonlyArray<number>
  /** How many runs were completed until the worker stopped: more than asked for when more were queued. */
  readonly ended: number
}

/** Starts a worker, waits until so many runs are completed, and stops it. */
export const work = Effect.fnUntraced(function* ({ ports }: Filled, { batch, runs, delivered }: WorkTerms) {
  const completed = yield* countdown(runs)
  const told = yield* countdown(runs)
  const marks: Array<number> = []
  let ended = 0
  const onEnd = Effect.suspend(() => {
    ended += 1
    if (marks.length < Math.floor((ended * PARTS) / runs)) marks.push(performance.now())
    return completed.one
  })
  const channel = delivered === true ? NoticeChannel.of({ deliver: () => told.one }) : silent
  const worker = Worker.layer({
    catalogue,
    handlers: [noOp],
    concurrency: batch * BATCHES_IN_HAND,
    batch,
    name: "bench",
    drainMillis: 10_000,
    observe: (event) => (isEnd(event) ? onEnd : Effect.void)
  }).pipe(Layer.provide(Layer.succeedContext(Context.add(ports, NoticeChannel, channel))))
  collectGarbage()
  const { begun, millis } = yield* Effect.scoped(
    Effect.gen(function* () {
      const started = performance.now()
      yield* Layer.build(worker)
      yield* completed.done
      if (delivered === true) yield* told.done
      return { begun: started, millis: performance.now() - started }
    })
  )
  const partsMillis = marks.slice(0, PARTS).map((mark, at) => mark - (marks[at - 1] ?? begun))
  const worked: Worked = { millis, partsMillis, ended }
  return worked
})
