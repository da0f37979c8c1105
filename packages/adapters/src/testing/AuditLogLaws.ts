/** The laws of `AuditLog`: every decision and every transition is on record, in order, for good. */
import {
  type AuditFilter,
  AuditLog,
  type AuditRecord,
  canonicalJson,
  type DecisionPage,
  type DecisionPosition,
  type DecisionRecord,
  dispatchStep,
  type NumberedRecord,
  type RunId,
  RunStore,
  replay,
  type Step
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer, Result } from "effect"
import { hostsPartArbitrary } from "./hostile.ts"
import { IN_REAL_TIME, type RunPorts, SAMPLES } from "./laws.ts"
import { blockStep, confirmStep, revokeStep, startStep, stepOf } from "./rulings.ts"
import { asQueued, asRunning, enqueuedOne, leaseAt, moved, written } from "./runs.ts"
import { makeWorld, runIdAt } from "./World.ts"

/** The records of every page of a filter. */
const paged = Effect.fnUntraced(function* (filter: AuditFilter) {
  const audit = yield* AuditLog
  const all: Array<NumberedRecord> = []
  for (let after = filter.after; ; ) {
    const { records, unreadable, next } = yield* audit.page(after === undefined ? filter : { ...filter, after })
    assert.deepStrictEqual(unreadable, [])
    assert.isAtMost(records.length, filter.limit)
    all.push(...records)
    if (next === null) return all
    after = next
  }
})

/** Every adapter keeps these. The layer gives an empty store; it is built once and shared by the laws. */
export const auditLogLaws = <E>(name: string, adapter: Layer.Layer<RunPorts, E>): void =>
  layer(adapter, IN_REAL_TIME)(`AuditLog: ${name}`, (it) => {
    it.effect("every_decision_is_audited: records and decisions are read back as written, oldest first", () =>
      Effect.gen(function* () {
        const audit = yield* AuditLog
        const world = yield* makeWorld
        // All of one instant: the order is that of writing, not of time.
        const { atMillis } = world
        const lease = leaseAt(atMillis)
        const first = dispatchStep(world.dispatch())
        const { id } = first.run.dispatch
        const queued = yield* enqueuedOne(first.run.dispatch)
        const steps: Array<Step> = []
        const take = (one: Step) => Effect.tap(moved(one, lease), () => Effect.sync(() => steps.push(one)))
        const running = asRunning(yield* take(startStep(queued, atMillis)))
        yield* take(confirmStep(running, atMillis))
        const release = stepOf(running, { _tag: "Release", admission: 1, atMillis, counts: {} })
        const again = asQueued(yield* take(release))
        yield* take(revokeStep(asRunning(yield* take(startStep(again, atMillis))), atMillis, { done: 1 }))
        assert.deepStrictEqual(yield* audit.recordsOf(id), [first.audit, ...steps.flatMap((one) => one.audit)])
        assert.deepStrictEqual(
          yield* audit.decisionsOf(id),
          steps.flatMap(({ decision }) => decision ?? [])
        )
      })
    )

    it.effect.prop(
      "whatever the host's words, a decision and its snapshot come back whole",
      [hostsPartArbitrary],
      ([hostsPart]) =>
        Effect.gen(function* () {
          const audit = yield* AuditLog
          const store = yield* RunStore
          const world = yield* makeWorld
          const first = dispatchStep(world.dispatch(hostsPart))
          const { id } = first.run.dispatch
          yield* store.dispatch([first])
          const block = blockStep(asQueued(yield* store.find(id)), world.atMillis + 1)
          yield* written([block])
          assert.deepStrictEqual(yield* audit.recordsOf(id), [first.audit, ...block.audit])
          assert(block.decision)
          assert.deepStrictEqual(yield* audit.decisionsOf(id), [block.decision])
          const run = yield* store.find(id)
          assert(run._tag === "Blocked" && block.after._tag === "Blocked")
          assert.deepStrictEqual(run.legitimacy, block.after.legitimacy)
          assert.strictEqual(canonicalJson(run.dispatch.payload), canonicalJson(first.run.dispatch.payload))
        }),
      SAMPLES
    )

    it.effect("pages hold every record of a filter once, in the order of writing, from either end", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { atMillis, workspaceId } = world
        const runs = yield* Effect.replicateEffect(
          Effect.suspend(() => enqueuedOne(world.dispatch())),
          5
        )
        yield* written(runs.map((run, at) => blockStep(run, atMillis + at)))
        const everything = yield* paged({ workspaceId, order: "oldest_first", limit: 2 })
        assert.strictEqual(everything.length, 15)
        const positions = everything.map(({ position }) => position)
        assert.deepStrictEqual(
          positions,
          positions.toSorted((a, b) => a - b)
        )
        assert.strictEqual(new Set(positions).size, 15)
        assert.deepStrictEqual(
          (yield* paged({ workspaceId, order: "newest_first", limit: 4 })).toReversed(),
          everything
        )
        // A position that no record has yet is no reason to look for what could be there.
        const beyond = { workspaceId, order: "newest_first", limit: 15, after: Number.MAX_SAFE_INTEGER } as const
        assert.deepStrictEqual((yield* paged(beyond)).toReversed(), everything)
        const ofRun = (id: RunId) => everything.filter(({ record }) => record.runId === id).map(({ record }) => record)
        const audit = yield* AuditLog
        for (const { dispatch } of runs) assert.deepStrictEqual(ofRun(dispatch.id), yield* audit.recordsOf(dispatch.id))

        const fits = (test: (record: AuditRecord) => boolean) => everything.filter(({ record }) => test(record))
        const [first] = runs
        assert(first)
        const filters: ReadonlyArray<readonly [Partial<AuditFilter>, (record: AuditRecord) => boolean]> = [
          [{ action: "run.blocked" }, ({ action }) => action === "run.blocked"],
          [{ outcome: "info" }, ({ outcome }) => outcome === "info"],
          [{ runId: first.dispatch.id }, ({ runId }) => runId === first.dispatch.id],
          [{ fromMillis: atMillis + 2 }, ({ occurredAtMillis }) => occurredAtMillis >= atMillis + 2],
          [{ beforeMillis: atMillis + 2 }, ({ occurredAtMillis }) => occurredAtMillis < atMillis + 2],
          [
            { outcome: "blocked", fromMillis: atMillis + 4 },
            (one) => one.outcome === "blocked" && one.occurredAtMillis >= atMillis + 4
          ],
          [{ action: "run.failed" }, () => false]
        ]
        for (const [filter, test] of filters) {
          assert.deepStrictEqual(yield* paged({ workspaceId, ...filter, order: "oldest_first", limit: 3 }), fits(test))
        }
        // Where somebody stopped, somebody else goes on.
        const middle = everything[6]
        assert(middle)
        const rest = yield* paged({ workspaceId, order: "oldest_first", limit: 1000, after: middle.position })
        assert.deepStrictEqual(rest, everything.slice(7))
      })
    )

    it.effect(
      "every stored decision is there once, with the snapshot it was made from, and comes out the same again",
      () =>
        Effect.gen(function* () {
          const audit = yield* AuditLog
          const world = yield* makeWorld
          const { atMillis } = world
          const runs = yield* Effect.replicateEffect(
            Effect.suspend(() => enqueuedOne(world.dispatch())),
            7
          )
          const steps = runs.map((run, at) => (at % 2 === 0 ? blockStep(run, atMillis) : startStep(run, atMillis)))
          yield* (yield* RunStore).write(steps, leaseAt(atMillis))
          // Of two decisions about one run each is there, wherever a page ends.
          const again = steps.flatMap(({ after }) => (after._tag === "Running" ? confirmStep(after, atMillis) : []))
          yield* written(again)
          const mine = new Map([...steps, ...again].map(({ decision }) => [decision?.id, decision]))
          const seen: Array<DecisionRecord> = []
          let after: DecisionPosition | null = null
          do {
            const page: DecisionPage = yield* audit.decisionsAfter(after, 1)
            for (const one of page.decisions)
              if (Result.isSuccess(one) && mine.has(one.success.id)) seen.push(one.success)
            assert.isAtMost(page.decisions.length, 1)
            after = page.next
          } while (after !== null)
          assert.strictEqual(seen.length, 10)
          assert.strictEqual(new Set(seen.map(({ id }) => id)).size, 10)
          for (const one of seen) {
            assert.deepStrictEqual(one, mine.get(one.id))
            assert.deepStrictEqual(replay(one), [])
          }
        })
    )

    it.effect("one run's record is nobody else's, and an unknown run has none", () =>
      Effect.gen(function* () {
        const audit = yield* AuditLog
        const world = yield* makeWorld
        const [mine, other] = [yield* enqueuedOne(world.dispatch()), yield* enqueuedOne(world.dispatch())]
        yield* moved(blockStep(other, world.atMillis))
        assert.strictEqual((yield* audit.recordsOf(mine.dispatch.id)).length, 1)
        assert.deepStrictEqual(yield* audit.decisionsOf(mine.dispatch.id), [])
        assert.deepStrictEqual(yield* audit.recordsOf(runIdAt(world.atMillis)), [])
        assert.deepStrictEqual(yield* audit.decisionsOf(runIdAt(world.atMillis)), [])
      })
    )
  })
