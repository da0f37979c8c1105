/** The inbox keeps what was delivered, each notice once, for as long as there is the run it tells of. */
import { EmbeddedPostgres, layerPostgresInbox, PostgresInbox } from "@countersign/adapters"
import { makeWorld, moved, startedOne, succeedStep } from "@countersign/adapters/testing"
import { NoticeChannel, Notices, RunStore, UserId } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { layerFreshDatabase } from "../../support/postgres.ts"
import { type Clients, layerPorts } from "./support.ts"

const prunedWithTheirRuns = Effect.gen(function* () {
  const store = yield* RunStore
  const notices = yield* Notices
  const channel = yield* NoticeChannel
  const inbox = yield* PostgresInbox
  const world = yield* makeWorld
  const { atMillis } = world
  for (const later of [10, 20]) {
    yield* moved(succeedStep(yield* startedOne(world.dispatch()), atMillis + later))
  }
  const due = yield* notices.takeDue(atMillis + 100, atMillis + 200, 10)
  for (const { notice } of due) yield* channel.deliver(notice, [])
  yield* notices.markDelivered(
    due.map(({ notice }) => notice.runId),
    atMillis + 100
  )
  const recipient = UserId.make(due[0]?.notice.recipient ?? "nobody")
  assert.strictEqual((yield* inbox.noticesOf(recipient, 10)).length, 2)
  const before = { completedBeforeMillis: atMillis + 15, toldOrNotBeforeMillis: 0, after: null, limit: 10 }
  assert.strictEqual((yield* store.prune(before)).runs, 1)
  const left = yield* inbox.noticesOf(recipient, 10)
  assert.deepStrictEqual(
    left.map(({ completedAtMillis }) => completedAtMillis),
    [atMillis + 20]
  )
})

const newestFirstAndOnce = Effect.gen(function* () {
  const channel = yield* NoticeChannel
  const inbox = yield* PostgresInbox
  const world = yield* makeWorld
  const [first, second] = [
    succeedStep(yield* startedOne(world.dispatch()), world.atMillis).notice,
    succeedStep(yield* startedOne(world.dispatch()), world.atMillis).notice
  ]
  assert(first && second)
  for (const notice of [second, first, second]) yield* channel.deliver(notice, [])
  assert.deepStrictEqual(yield* inbox.noticesOf(world.userId, 1000), [second, first])
  assert.deepStrictEqual(yield* inbox.noticesOf(world.userId, 1), [second])
  assert.deepStrictEqual(yield* inbox.noticesOf(UserId.make("somebody else"), 10), [])
})

const keepsNotices = <E>(name: string, client: Layer.Layer<Clients, E>) =>
  layer(layerPostgresInbox().pipe(Layer.provideMerge(layerPorts(client))))(`the inbox: ${name}`, (it) => {
    it.effect("keeps each run's notice once, for its recipient alone, newest first", () => newestFirstAndOnce)
    it.effect("what is in it goes with its run", () => prunedWithTheirRuns)
  })

keepsNotices("server", layerFreshDatabase())
keepsNotices("embedded", EmbeddedPostgres.layer())
