import { DeliveryFailed, dispatch, type Notice, NoticeChannel, UserId } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger } from "effect"
import { layerInbox, MemoryInbox } from "../../../packages/adapters/src/memory/index.ts"
import { all, layerAll, layerLog } from "../../../packages/adapters/src/notices/index.ts"
import { blockStep, makeWorld } from "../../../packages/adapters/src/testing/index.ts"

const blockedNotice = Effect.gen(function* () {
  const world = yield* makeWorld
  const { notice } = blockStep(dispatch(world.dispatch()), world.atMillis)
  assert(notice)
  return notice
})

const failing = (channel: string): NoticeChannel["Service"] => ({
  deliver: () => Effect.fail(new DeliveryFailed({ channel, problem: "no answer" }))
})

const collecting = (into: Array<Notice>): NoticeChannel["Service"] => ({
  deliver: (notice) => Effect.sync(() => into.push(notice)).pipe(Effect.asVoid)
})

describe("log", () => {
  it.effect("writes the title, and whom and what it is about as annotations, but not the message", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const lines: Array<string> = []
      const logger = Logger.map(Logger.formatJson, (line) => lines.push(line))
      yield* Effect.provide(
        Effect.flatMap(NoticeChannel, ({ deliver }) => deliver(notice)),
        Layer.merge(layerLog, Logger.layer([logger]))
      )
      assert.strictEqual(lines.length, 1)
      const line = JSON.parse(lines[0] ?? "")
      assert.deepStrictEqual([line.level, line.message], ["INFO", notice.title])
      const { runId, recipient, workspaceId, tenantId, operationType, outcome, completedAtMillis } = notice
      assert.deepInclude(line.annotations, {
        runId,
        recipient,
        workspaceId,
        tenantId,
        operationType,
        outcome,
        completedAtMillis
      })
      assert.notInclude(lines[0], notice.message)
    })
  )
})

describe("all", () => {
  it.effect("delivers to each, also when one before it fails or breaks, and says which did", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const [first, last]: [Array<Notice>, Array<Notice>] = [[], []]
      const broken: NoticeChannel["Service"] = { deliver: () => Effect.die(new Error("a bug")) }
      const channels = [collecting(first), failing("webhook"), broken, failing("mail"), collecting(last)]
      const error = yield* Effect.flip(all(channels).deliver(notice))
      assert.strictEqual(error.channel, "webhook, number 3, mail")
      assert.include(error.problem, "a bug")
      assert.deepStrictEqual([first, last], [[notice], [notice]])
      yield* all([collecting(first), collecting(last)]).deliver(notice)
      yield* all([]).deliver(notice)
      assert.deepStrictEqual([first.length, last.length], [2, 2])
    })
  )

  it.effect("is made of layers", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const delivered: Array<Notice> = []
      const layers = [Layer.succeed(NoticeChannel, collecting(delivered)), layerLog]
      yield* Effect.provide(
        Effect.flatMap(NoticeChannel, ({ deliver }) => deliver(notice)),
        Layer.merge(layerAll(layers), Logger.layer([]))
      )
      assert.deepStrictEqual(delivered, [notice])
    })
  )
})

describe("the inbox in memory", () => {
  it.effect("keeps each run's notice once, for its recipient alone, newest first", () =>
    Effect.gen(function* () {
      const inbox = yield* MemoryInbox
      const { deliver } = yield* NoticeChannel
      const world = yield* makeWorld
      const [first, second] = [1, 2].map(() => blockStep(dispatch(world.dispatch()), world.atMillis).notice)
      assert(first && second)
      yield* Effect.forEach([first, second, first], deliver)
      assert.deepStrictEqual(yield* inbox.noticesOf(world.userId), [second, first])
      assert.deepStrictEqual(yield* inbox.noticesOf(UserId.make("somebody else")), [])
    }).pipe(Effect.provide(layerInbox))
  )
})
