/** The laws of `RunStore.list`. */
import {
  type Queued,
  type Run,
  type RunFilter,
  type RunId,
  RunStore,
  type SharedSubjects,
  type WaitingPage,
  type WaitingRun,
  wireStateOf
} from "@countersign/domain"
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { claimOf, heldNext } from "./claims.ts"
import { type Register, type RunPorts, SAMPLES, upTo } from "./laws.ts"
import { blockStep, holdStep, startStep, succeedStep } from "./rulings.ts"
import { asQueued, asRunning, enqueued, enqueuedOne, leaseAt, moved } from "./runs.ts"
import { makeWorld, runIdAt, WORLD_LASTS_MILLIS, type World } from "./World.ts"

/** Runs of several states, with and without a tenant. */
const populated = Effect.fn("populated")(function* (world: World) {
  const { subject } = world.dispatch()
  const bare = { subject: { ...subject, scope: { ...subject.scope, tenantId: null, providerConnectionId: null } } }
  const [first, second, third, fourth, fifth, sixth] = yield* enqueued(
    upTo(6).map((at) => world.dispatch(at % 2 === 0 ? {} : bare))
  )
  assert(first && second && third && fourth && fifth && sixth)
  const lease = leaseAt(world.atMillis)
  const blocked = yield* moved(blockStep(second, world.atMillis))
  const running = yield* moved(startStep(third, world.atMillis), lease)
  const started = asRunning(yield* moved(startStep(fourth, world.atMillis), lease))
  const succeeded = yield* moved(succeedStep(started, world.atMillis))
  const blockedToo = yield* moved(blockStep(fifth, world.atMillis))
  const runs: ReadonlyArray<Run> = [first, blocked, running, succeeded, blockedToo, sixth]
  return runs
})

type Conditions = Omit<RunFilter, "limit" | "before">

const CONDITIONS = ["none", "tenant", "type", "status", "outcome", "status and tenant", "never true"] as const

const conditionsOf = (name: (typeof CONDITIONS)[number], world: World): Conditions => {
  const { workspaceId, tenantId, operationType } = world
  switch (name) {
    case "none":
      return { workspaceId }
    case "tenant":
      return { workspaceId, tenantId }
    case "type":
      return { operationType }
    case "status":
      return { workspaceId, status: "completed" }
    case "outcome":
      return { workspaceId, outcome: "blocked" }
    case "status and tenant":
      return { tenantId, status: "queued" }
    case "never true":
      return { workspaceId, status: "queued", outcome: "blocked" }
  }
}

const isListed = ({ dispatch: { subject }, _tag }: Run, conditions: Conditions): boolean => {
  const { workspaceId, tenantId, operationType, status, outcome } = conditions
  return (
    (workspaceId === undefined || subject.scope.workspaceId === workspaceId) &&
    (tenantId === undefined || subject.scope.tenantId === tenantId) &&
    (operationType === undefined || subject.operationType === operationType) &&
    (status === undefined || wireStateOf[_tag].status === status) &&
    (outcome === undefined || wireStateOf[_tag].outcome === outcome)
  )
}

/** What is told of a waiting run. */
const waitingOf = ({ dispatch: { id, subject, initiatorName, expiresAtMillis }, held }: Queued): WaitingRun => ({
  id,
  subject,
  initiatorName,
  expiresAtMillis,
  heldSinceMillis: held?.sinceMillis ?? null
})

/** The laws of finding and listing runs. */
export const listLaws = (it: Register<RunPorts>): void => {
  it.effect("the waiting runs are the queued ones, held or not, newest first, page by page", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const world = yield* makeWorld
      const runs = yield* populated(world)
      const queued = runs.filter((run) => run._tag === "Queued")
      const system = yield* enqueuedOne(world.systemDispatch())
      const held = asQueued(yield* moved(holdStep(yield* enqueuedOne(world.dispatch()), world.atMillis)))
      const expected = [held, system, ...queued.toReversed()].map(waitingOf)
      const found: Array<WaitingRun> = []
      const shared: SharedSubjects = new Map()
      const newest = runIdAt(world.atMillis + WORLD_LASTS_MILLIS)
      let before: RunId | null = newest
      while (found.length < expected.length) {
        const page: WaitingPage = yield* store.listWaiting(before, 2, shared)
        assert.deepStrictEqual(page.unreadable, [])
        assert.isNotEmpty(page.runs)
        found.push(...page.runs)
        before = page.runs.at(-1)?.id ?? null
      }
      assert.deepStrictEqual(found.slice(0, expected.length), expected)
      for (const known of [undefined, shared]) {
        assert.deepStrictEqual((yield* store.listWaiting(newest, expected.length, known)).runs, expected)
      }
      assert.strictEqual((yield* store.listWaiting(null, 1)).runs.length, 1)
    })
  )

  it.effect(
    "a list and a claim give one where one is asked for, and a thousand where a thousand are, and no more",
    () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const dispatches = upTo(1001).map(() => world.dispatch())
        yield* enqueued(dispatches)
        const ids = dispatches.map(({ id }) => id)
        for (const limit of [1, 1000]) {
          const { runs } = yield* store.list({ workspaceId: world.workspaceId, limit })
          assert.deepStrictEqual(
            runs.map(({ dispatch }) => dispatch.id),
            ids.toReversed().slice(0, limit)
          )
          assert.deepStrictEqual(yield* heldNext(claimOf(world, { limit })), ids.slice(0, limit))
        }
      })
  )

  it.effect.prop(
    "a list is the matching runs, newest first, page by page",
    { limit: Schema.Literals([1, 2, 5, 1000]), name: Schema.Literals(CONDITIONS) },
    ({ limit, name }) =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const world = yield* makeWorld
        const runs = yield* populated(world)
        const conditions = conditionsOf(name, world)
        const listed: Array<Run> = []
        for (;;) {
          const before = listed.at(-1)?.dispatch.id
          const page = yield* store.list({ ...conditions, limit, ...(before && { before }) })
          assert.isAtMost(page.runs.length, limit)
          assert.deepStrictEqual(page.unreadable, [])
          listed.push(...page.runs)
          if (page.runs.length < limit) break
        }
        assert.deepStrictEqual(listed, runs.filter((run) => isListed(run, conditions)).reverse())
      }),
    SAMPLES
  )
}
