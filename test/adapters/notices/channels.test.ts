import { DeliveryFailed, dispatch, type Notice, NoticeChannel, UserId } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
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
        Effect.flatMap(NoticeChannel, ({ deliver }) => deliver(notice, [])),
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
  it.effect("delivers to each, also when one before it fails, breaks or stops itself, and says which did", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const [first, last]: [Array<Notice>, Array<Notice>] = [[], []]
      const broken: NoticeChannel["Service"] = { deliver: () => Effect.die(new Error("token=s3cr3t")) }
      const channels = {
        first: collecting(first),
        webhook: failing("of the host"),
        broken,
        stopped: { deliver: () => Effect.interrupt },
        mail: failing("of the host"),
        last: collecting(last)
      }
      const error = yield* Effect.flip(all(channels).deliver(notice, []))
      assert.strictEqual(error.channel, "webhook, broken, stopped, mail")
      assert.strictEqual(error.problem, "webhook: no answer; broken: it broke; stopped: it broke; mail: no answer")
      assert.deepStrictEqual(error.takenBy, ["first", "last"])
      assert.deepStrictEqual([first, last], [[notice], [notice]])
    })
  )

  it.effect("asks those again that have not taken it, and nobody else", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const [inbox, mail]: [Array<Notice>, Array<Notice>] = [[], []]
      const error = yield* Effect.flip(
        all({ inbox: collecting(inbox), mail: failing("mail") }).deliver(notice, ["log"])
      )
      assert.deepStrictEqual(error.takenBy, ["log", "inbox"])
      yield* all({ inbox: collecting(inbox), mail: collecting(mail) }).deliver(notice, error.takenBy ?? [])
      yield* all({ inbox: collecting(inbox), mail: collecting(mail) }).deliver(notice, ["inbox", "mail"])
      yield* all({}).deliver(notice, [])
      assert.deepStrictEqual([inbox.length, mail.length], [1, 1])
    })
  )

  it.effect("one that never answers, even to an interruption, keeps it from nobody, and is asked again", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const inbox: Array<Notice> = []
      const silent: NoticeChannel["Service"] = { deliver: () => Effect.never }
      const deaf: NoticeChannel["Service"] = { deliver: () => Effect.uninterruptible(Effect.never) }
      const delivering = yield* Effect.forkChild(
        Effect.flip(all({ silent, deaf, inbox: collecting(inbox) }).deliver(notice, []))
      )
      yield* TestClock.adjust("9 seconds")
      const error = yield* Fiber.join(delivering)
      assert.deepStrictEqual([error.channel, error.takenBy, inbox.length], ["silent, deaf", ["inbox"], 1])
    })
  )

  it.effect("of several rests asked for, the shortest counts", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const resting = (retryAfterMillis: number): NoticeChannel["Service"] => ({
        deliver: () => Effect.fail(new DeliveryFailed({ channel: "webhook", problem: "429", retryAfterMillis }))
      })
      const rest = (channels: Parameters<typeof all>[0]) =>
        Effect.map(Effect.flip(all(channels).deliver(notice, [])), ({ retryAfterMillis }) => retryAfterMillis)
      assert.strictEqual(yield* rest({ a: resting(5_000), b: resting(9_000) }), 5_000)
      assert.strictEqual(yield* rest({ a: resting(5_000), b: failing("mail") }), 0)
    })
  )

  it.effect("is made of layers", () =>
    Effect.gen(function* () {
      const notice = yield* blockedNotice
      const delivered: Array<Notice> = []
      const layers = { kept: Layer.succeed(NoticeChannel, collecting(delivered)), log: layerLog }
      yield* Effect.provide(
        Effect.flatMap(NoticeChannel, ({ deliver }) => deliver(notice, [])),
        Layer.merge(layerAll(layers), Logger.layer([]))
      )
      assert.deepStrictEqual(delivered, [notice])
    }).pipe(Effect.scoped)
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
      yield* Effect.forEach([first, second, first], (notice) => deliver(notice, []))
      assert.deepStrictEqual(yield* inbox.noticesOf(world.userId), [second, first])
      assert.deepStrictEqual(yield* inbox.noticesOf(UserId.make("somebody else")), [])
    }).pipe(Effect.provide(layerInbox))
  )
})
