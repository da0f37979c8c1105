/** Whoever looks for what is to be done passes over what another connection has locked, and does not wait for it. */
import {
  blockStep,
  enqueued,
  leaseAt,
  makeWorld,
  runIdAt,
  scheduleOf,
  startStep,
  written
} from "@countersign/adapters/testing"
import {
  Events,
  Notices,
  RunQueue,
  RunStore,
  Schedules,
  SecretName,
  SubscriptionId,
  UnitOfWork
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { SqlClient } from "effect/sql"
import { layerFreshDatabase } from "../../support/postgres.ts"
import { layerPorts } from "./support.ts"

/** Looks in a unit of work that fails if it has to wait, while another connection has locked the row that a condition names. */
const whileLocked = <A, E, R>(rows: string, id: string, look: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { transact } = yield* UnitOfWork
    const isLocked = yield* Deferred.make<void, unknown>()
    const letGo = yield* Deferred.make<void>()
    const locking = sql.unsafe(`SELECT FROM countersign.${rows} = $1 FOR UPDATE`, [id])
    const open = Effect.andThen(Effect.exit(locking), (exit) =>
      Effect.andThen(Deferred.done(isLocked, Exit.asVoid(exit)), Deferred.await(letGo))
    )
    const other = yield* Effect.forkChild(sql.withTransaction(open))
    yield* Deferred.await(isLocked)
    const found = yield* transact(Effect.andThen(sql`SET LOCAL lock_timeout = '1s'`, look))
    yield* Deferred.succeed(letGo, undefined)
    yield* Fiber.join(other)
    return found
  })

const twoRuns = Effect.gen(function* () {
  const world = yield* makeWorld
  const { atMillis } = world
  const [locked, free] = yield* enqueued([1, 2].map(() => world.dispatch({ expiresAtMillis: atMillis + 1 })))
  assert(locked && free)
  return { world, atMillis, runs: [locked, free], locked: locked.dispatch.id, free: free.dispatch.id }
})

const idsOf = ({ runs }: { readonly runs: ReadonlyArray<{ readonly dispatch: { readonly id: string } }> }) =>
  runs.map(({ dispatch }) => dispatch.id)

layer(layerPorts(layerFreshDatabase()), { excludeTestServices: true })("what another connection has locked", (it) => {
  it.effect("runs that wait: a claim in either order, a claim of those delivered, and what has expired", () =>
    Effect.gen(function* () {
      const queue = yield* RunQueue
      const store = yield* RunStore
      const { world, atMillis, locked, free } = yield* twoRuns
      const operationTypes = [world.operationType]
      const claim = { limit: 10, operationTypes, nowMillis: atMillis, passOver: [], fullLanes: [] }
      for (const look of [
        queue.holdNext({ ...claim, order: "oldest" }),
        queue.holdNext({ ...claim, order: "fair" }),
        queue.holdThese([locked, free]),
        store.holdExpired(atMillis + 2, 10)
      ]) {
        assert.deepStrictEqual(idsOf(yield* whileLocked("runs WHERE id", locked, look)), [free])
      }
    })
  )

  it.effect("runs that have lost their lease", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const { atMillis, runs, locked, free } = yield* twoRuns
      const lease = leaseAt(atMillis)
      yield* written(
        runs.map((run) => startStep(run, atMillis)),
        lease
      )
      const look = store.holdOrphans(lease.untilMillis + 1, 10)
      assert.deepStrictEqual(idsOf(yield* whileLocked("runs WHERE id", locked, look)), [free])
    })
  )

  it.effect("notices and events that are due, and runs that are old enough to go", () =>
    Effect.gen(function* () {
      const notices = yield* Notices
      const events = yield* Events
      const { world, atMillis, runs, locked, free } = yield* twoRuns
      yield* events.subscribe({
        id: SubscriptionId.make(runIdAt(atMillis)),
        workspaceId: world.workspaceId,
        url: "https://example.org/hook",
        secretName: SecretName.make("OPS"),
        eventTypes: ["run.blocked"],
        createdAtMillis: atMillis
      })
      yield* written(runs.map((run) => blockStep(run, atMillis)))
      const due = yield* whileLocked("notices WHERE run_id", locked, notices.takeDue(atMillis, atMillis + 10, 10))
      assert.deepStrictEqual(
        due.map(({ notice }) => notice.runId),
        [free]
      )
      const asked = { nowMillis: atMillis, hiddenUntilMillis: atMillis + 10, limit: 10, share: 10 }
      const taken = yield* whileLocked("event_deliveries WHERE content ->> 'run_id'", locked, events.takeDue(asked))
      assert.deepStrictEqual(
        taken.map(({ event }) => event.data.run_id),
        [free]
      )
      const pruning = {
        completedBeforeMillis: atMillis + 1,
        toldOrNotBeforeMillis: atMillis + 1,
        after: null,
        limit: 10
      }
      const pruned = yield* whileLocked("runs WHERE id", locked, (yield* RunStore).prune(pruning))
      assert.strictEqual(pruned.runs, 1)
    })
  )

  it.effect("schedules that are due", () =>
    Effect.gen(function* () {
      const schedules = yield* Schedules
      const world = yield* makeWorld
      const [locked, free] = [scheduleOf(world), scheduleOf(world)]
      yield* Effect.forEach([locked, free], schedules.add)
      const look = schedules.holdDue({
        nowMillis: world.atMillis,
        operationTypes: [world.operationType],
        abandonedSinceMillis: 0,
        limit: 10
      })
      const held = yield* whileLocked("schedules WHERE id", locked.id, look)
      assert.deepStrictEqual(
        held.schedules.map(({ id }) => id),
        [free.id]
      )
    })
  )
})
