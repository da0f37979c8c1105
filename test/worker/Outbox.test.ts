/** The outbox: at least once, until the channel takes it, and never a change of the run. */
import { DeliveryFailed, type Notice, NoticeChannel, Notices, type RunId } from "@countersign/domain"
import { Countersign, deliverDue } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { makeOutbox, type OutboxPorts } from "../../packages/worker/src/Outbox.ts"
import { dispatchSync, find, layerBench, pass, settleDown } from "./support/bench.ts"
import { away, calm, Trouble } from "./support/unruly.ts"
import { ada, settle } from "./support/world.ts"

/** This many runs that have ended, each with a notice that is due. */
const ended = Effect.fnUntraced(function* (count: number) {
  yield* settle
  const gate = yield* Countersign
  const ids: Array<RunId> = []
  for (let at = 0; at < count; at += 1) {
    const id = yield* dispatchSync
    yield* gate.cancel(id, { kind: "human", id: ada })
    ids.push(id)
  }
  return ids
})

const runOutbox = (pollMillis: number): Effect.Effect<never, never, OutboxPorts> =>
  Effect.flatMap(makeOutbox, (outbox) => outbox.run(pollMillis))

type Deliver = (notice: Notice, delivery: number) => Effect.Effect<void, DeliveryFailed>

/** A channel that does this, and keeps what it was given and when. */
const channel = (deliver: Deliver) => {
  const given: Array<{ readonly runId: RunId; readonly atMillis: number }> = []
  const service = NoticeChannel.of({
    deliver: (notice) =>
      Effect.flatMap(Clock.currentTimeMillis, (atMillis) => {
        given.push({ runId: notice.runId, atMillis })
        return deliver(notice, given.filter(({ runId }) => runId === notice.runId).length)
      })
  })
  return { given, service }
}

const taking = channel.bind(undefined, () => Effect.void)
const refusing = (problem = "the mail server is away") => Effect.fail(new DeliveryFailed({ channel: "mail", problem }))

/** Delivers for a while, through this channel. */
const delivering = (service: NoticeChannel["Service"], millis: number, stepMillis = 1_000, pollMillis = 1_000) =>
  Effect.gen(function* () {
    const outbox = yield* Effect.forkChild(Effect.provideService(runOutbox(pollMillis), NoticeChannel, service))
    yield* pass(millis, stepMillis)
    yield* Fiber.interrupt(outbox)
  })

const pending = Effect.flatMap(Notices, (notices) => notices.countPending)

describe("the outbox", () => {
  it.effect("delivers each notice once, and then no more", () =>
    Effect.gen(function* () {
      const ids = yield* ended(120)
      const { given, service } = taking()
      yield* delivering(service, 300_000, 10_000)
      assert.deepStrictEqual(given.map(({ runId }) => runId).sort(), [...ids].sort())
      assert.strictEqual(yield* pending, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("two deliverers deliver each notice once", () =>
    Effect.gen(function* () {
      const ids = yield* ended(120)
      const { given, service } = channel(() => Effect.sleep(100))
      yield* Effect.all([delivering(service, 60_000), delivering(service, 60_000), delivering(service, 60_000)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(given.map(({ runId }) => runId).sort(), [...ids].sort())
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a notice is hidden from others while it is being delivered, however slowly", () =>
    Effect.gen(function* () {
      yield* ended(60)
      const { given, service } = channel(() => Effect.sleep(9_000))
      yield* Effect.all([delivering(service, 600_000), delivering(service, 600_000)], { concurrency: "unbounded" })
      assert.strictEqual(given.length, 60)
      assert.strictEqual(yield* pending, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect(
    "a delivery that fails is tried again with growing waits of at most an hour, and the run stays as it is",
    () =>
      Effect.gen(function* () {
        const [id] = yield* ended(1)
        if (id === undefined) return assert.fail("no run")
        const before = yield* find(id)
        const { given, service } = channel((_, delivery) => (delivery < 15 ? refusing() : Effect.void))
        yield* delivering(service, 20 * 3_600_000, 60_000, 60_000)
        assert.strictEqual(given.length, 15)
        const waits = given.slice(1).map(({ atMillis }, index) => atMillis - (given[index]?.atMillis ?? 0))
        assert.isAtMost(waits[0] ?? 0, 60_000)
        assert.isAtMost(Math.max(...waits), 3_661_000)
        assert.isAtLeast(Math.max(...waits), 1_800_000)
        assert.deepStrictEqual(yield* find(id), before)
        assert.strictEqual(yield* pending, 0)
      }).pipe(Effect.provide(layerBench))
  )

  for (const [what, trouble] of [
    ["fails", refusing()],
    ["breaks", Effect.die(new Error("token=s3cr3t"))],
    ["interrupts itself", Effect.interrupt],
    ["never comes back", Effect.never],
    ["cannot be interrupted", Effect.uninterruptible(Effect.never)]
  ] as const) {
    it.effect(`a channel that ${what} over one notice delivers the others, once each, and that one in the end`, () =>
      Effect.gen(function* () {
        const ids = yield* ended(30)
        const poison = ids[7]
        const { given, service } = channel((notice, delivery) =>
          notice.runId === poison && delivery < 3 ? trouble : Effect.void
        )
        yield* delivering(service, 600_000)
        const others = given.filter(({ runId }) => runId !== poison)
        assert.strictEqual(others.length, 29)
        assert.strictEqual(given.length - others.length, 3)
        assert.strictEqual(yield* pending, 0)
      }).pipe(Effect.provide(layerBench))
    )
  }

  it.effect("a receiver that asks for a rest is left alone for as long, a day at most", () =>
    Effect.gen(function* () {
      yield* ended(1)
      const rests = [3_600_000, 10 * 86_400_000]
      const { given, service } = channel((_, delivery) => {
        const retryAfterMillis = rests[delivery - 1]
        return retryAfterMillis === undefined
          ? Effect.void
          : Effect.fail(new DeliveryFailed({ channel: "webhook", problem: "not now", retryAfterMillis }))
      })
      yield* delivering(service, 26 * 3_600_000, 600_000, 600_000)
      const waits = given.slice(1).map(({ atMillis }, index) => atMillis - (given[index]?.atMillis ?? 0))
      assert.deepStrictEqual(waits, [3_600_000, 86_400_000])
      assert.strictEqual(yield* pending, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("who has taken a notice is remembered through failures that do not say", () =>
    Effect.gen(function* () {
      yield* ended(1)
      const told: Array<ReadonlyArray<string>> = []
      const ends: ReadonlyArray<Effect.Effect<void, DeliveryFailed>> = [
        Effect.fail(new DeliveryFailed({ channel: "email", problem: "away", takenBy: ["inbox"] })),
        refusing(),
        Effect.die(new Error("broken")),
        Effect.void
      ]
      const service = NoticeChannel.of({
        deliver: (_, takenBy) => Effect.suspend(() => ends[told.push(takenBy) - 1] ?? Effect.void)
      })
      yield* delivering(service, 60_000)
      assert.deepStrictEqual(told, [[], ["inbox"], ["inbox"], ["inbox"]])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("more than are taken at once are delivered without a pause", () =>
    Effect.gen(function* () {
      yield* ended(60)
      const { given, service } = taking()
      yield* delivering(service, 100, 10, 60_000)
      assert.strictEqual(given.length, 60)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a channel that is called and throws has not delivered", () =>
    Effect.gen(function* () {
      yield* ended(2)
      let calls = 0
      const service = NoticeChannel.of({
        deliver: () => {
          calls += 1
          if (calls < 5) throw new Error("thrown")
          return Effect.void
        }
      })
      yield* delivering(service, 60_000)
      assert.strictEqual(yield* pending, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("what is kept of a failure is one line that can be stored, and nothing of what broke", () =>
    Effect.gen(function* () {
      yield* ended(2)
      const notices = yield* Notices
      const problems: Array<string> = []
      const spied = Notices.of({
        ...notices,
        deferDelivery: (id, dueAtMillis, problem, takenBy) => {
          problems.push(problem)
          return notices.deferDelivery(id, dueAtMillis, problem, takenBy)
        }
      })
      const long = `a\u0000b\nc\uD800${"x".repeat(10_000)}`
      const ends = [refusing(long), Effect.die(new Error("token=s3cr3t"))]
      const service = NoticeChannel.of({ deliver: () => ends.pop() ?? Effect.void })
      yield* Effect.provideService(Effect.provideService(deliverDue, NoticeChannel, service), Notices, spied)
      assert.strictEqual(problems.length, 2)
      for (const problem of problems) {
        assert.notInclude(problem, "s3cr3t")
        assert.match(problem, /^\P{Cc}{1,500}$/u)
        assert.isTrue(problem.isWellFormed())
      }
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("at least once: a deliverer that dies in the middle leaves its notices to the next one", () =>
    Effect.gen(function* () {
      const ids = yield* ended(3)
      const dying = channel(() => Effect.never)
      const first = yield* Effect.forkChild(Effect.provideService(runOutbox(1_000), NoticeChannel, dying.service))
      yield* settleDown
      yield* Fiber.interrupt(first)
      const { given, service } = taking()
      // For a while they are hidden: the dead one may have been about to deliver them.
      yield* delivering(service, 10_000)
      assert.strictEqual(given.length, 0)
      yield* delivering(service, 300_000)
      assert.deepStrictEqual(given.map(({ runId }) => runId).sort(), [...ids].sort())
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a store that is away after the delivery: delivered again, with the same id, until it is noted", () =>
    Effect.gen(function* () {
      const ids = yield* ended(2)
      const troubles = yield* Trouble
      troubles.beforeStore = ({ operation }) => (operation === "markDelivered" ? Effect.fail(away()) : Effect.void)
      const { given, service } = taking()
      yield* delivering(service, 200_000)
      assert.isAtLeast(given.length, 2)
      assert.deepStrictEqual(new Set(given.map(({ runId }) => runId)), new Set(ids))
      yield* calm
      yield* delivering(service, 300_000)
      assert.strictEqual(yield* pending, 0)
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("a delivery that the store rejects to note is made once more, and the next one goes on as ever", () =>
    Effect.gen(function* () {
      const ids = yield* ended(30)
      const troubles = yield* Trouble
      let writes = 0
      troubles.beforeStore = ({ operation }) => {
        if (operation !== "markDelivered") return Effect.void
        writes += 1
        return writes === 1 ? Effect.fail(away("rejected")) : Effect.void
      }
      const { given, service } = channel(() => Effect.sleep(10))
      yield* delivering(service, 400_000)
      assert.strictEqual(yield* pending, 0)
      const times = ids.map((id) => given.filter(({ runId }) => runId === id).length)
      assert.deepStrictEqual([Math.min(...times), Math.max(...times)], [1, 2])
    }).pipe(Effect.provide(layerBench))
  )

  it.effect("while nothing is due it does nothing, and a notice that becomes due is delivered", () =>
    Effect.gen(function* () {
      const { given, service } = taking()
      yield* Effect.forkChild(Effect.provideService(runOutbox(1_000), NoticeChannel, service))
      yield* pass(10_000)
      yield* ended(1)
      yield* pass(2_000)
      assert.strictEqual(given.length, 1)
    }).pipe(Effect.provide(layerBench))
  )
})
