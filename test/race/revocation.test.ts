/**
 * `revoked_after_dispatch_never_acts`, raced on a real server: workers of several programs admit while authority comes and
 * goes. What was decided is held against what was committed, by the epochs that both recorded.
 */
import { AuthorityBook } from "@countersign/adapters/testing"
import { AuditLog, isCompleted, type Notice, type Running, RunStore } from "@countersign/domain"
import { Countersign, Handler, inventorySync, type WorkerEvent } from "@countersign/worker"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { freshDatabase } from "../support/postgres.ts"
import { flawOf } from "../worker/support/story.ts"
import { manager, readonly } from "../worker/support/world.ts"
import { type Chance, makeChance } from "./support/chance.ts"
import { type Corner, makeCorners, syncOf } from "./support/corner.ts"
import { layerProgram, migrated, startProgram } from "./support/server.ts"
import { layerSilence } from "./support/silence.ts"

const WORKERS = 3
const WORKSPACES = 3
const FOR_MILLIS = 6_000

/** A change of authority, as it was when its transaction held the fence and was about to commit. */
interface Change {
  readonly workspaceId: string
  readonly legitimate: boolean
  readonly epoch: number
  /** The decisions that were there by then, of earlier admissions. */
  readonly decidedBefore: ReadonlySet<string>
}

const Epochs = Schema.Array(Schema.Struct({ epoch: Schema.FiniteFromString }))
const Ids = Schema.Array(Schema.Struct({ id: Schema.String }))

/** Gives or takes the role, and looks around before the change is committed. */
const change = Effect.fnUntraced(function* ({ workspaceId, initiator }: Corner, legitimate: boolean) {
  const sql = yield* SqlClient.SqlClient
  const book = yield* AuthorityBook
  return yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* book.setMembership(workspaceId, initiator, legitimate ? manager : readonly)
      const [now] = yield* Schema.decodeUnknownEffect(Epochs)(
        yield* sql`SELECT epoch::text AS epoch FROM countersign.authority_epochs WHERE workspace_id = ${workspaceId}`
      )
      const decided = yield* Schema.decodeUnknownEffect(Ids)(
        yield* sql`SELECT d.id::text AS id FROM countersign.decisions d
          JOIN countersign.runs r ON r.id = d.run_id WHERE r.workspace_id = ${workspaceId}`
      )
      return {
        workspaceId,
        legitimate,
        epoch: now?.epoch ?? -1,
        decidedBefore: new Set(decided.map(({ id }) => id))
      }
    })
  )
})

/** Takes the role and gives it back, again and again. */
const wavering = Effect.fnUntraced(function* (
  corner: Corner,
  chance: Chance,
  changes: Array<Change>,
  isOver: Ref.Ref<boolean>
) {
  for (let legitimate = false; !(yield* Ref.get(isOver)); legitimate = !legitimate) {
    yield* Effect.sleep(chance.below(60))
    changes.push(yield* change(corner, legitimate))
  }
  changes.push(yield* change(corner, true))
})

const dispatching = Effect.fnUntraced(function* (
  corners: ReadonlyArray<Corner>,
  chance: Chance,
  isOver: Ref.Ref<boolean>
) {
  const gate = yield* Countersign
  while (!(yield* Ref.get(isOver))) {
    yield* Effect.forEach(
      Array.from({ length: chance.below(12) }),
      () => gate.dispatch(syncOf(chance.oneOf(corners))),
      { concurrency: 4 }
    )
    yield* Effect.sleep(chance.below(30))
  }
})

it.live(
  "revoked_after_dispatch_never_acts, with several workers and revocations at the same time",
  () =>
    Effect.gen(function* () {
      const chance = makeChance("revoked_after_dispatch_never_acts")
      const url = yield* freshDatabase
      yield* migrated(url)
      const starts: Array<Running> = []
      const calls: Array<string> = []
      const delivered: Array<Notice> = []
      const observe = (event: WorkerEvent) =>
        Effect.sync(() => {
          if (event._tag === "Started") starts.push(event.run)
        })
      const handler = Handler.make(inventorySync, (_, context) =>
        Effect.gen(function* () {
          calls.push(context.runId)
          yield* Effect.sleep(chance.below(20))
          if (chance.below(3) === 0) yield* context.checkpoint
          if (chance.below(5) === 0) return yield* Effect.fail("again")
          return { items: 0 }
        })
      )

      yield* Effect.gen(function* () {
        const corners = yield* makeCorners(WORKSPACES)
        const changes: Array<Change> = []
        for (const corner of corners) changes.push(yield* change(corner, true))
        const isOver = yield* Ref.make(false)
        const workers = yield* Effect.forEach(Array.from({ length: WORKERS }), () =>
          startProgram(url, delivered, { handlers: [handler], observe })
        )
        const others = yield* Effect.forEach(
          [dispatching(corners, chance, isOver), ...corners.map((corner) => wavering(corner, chance, changes, isOver))],
          (program) => Effect.forkChild(program)
        )
        yield* Effect.sleep(FOR_MILLIS)
        yield* Ref.set(isOver, true)
        for (const other of others) yield* Fiber.join(other)
        yield* Effect.forEach(workers, ({ worker }) => worker.drained, { concurrency: "unbounded" })

        const store = yield* RunStore
        const log = yield* AuditLog
        const runs = (yield* store.list({ limit: 1_000 })).runs
        const legitimateAt = new Map(
          changes.map(({ workspaceId, epoch, legitimate }) => [`${workspaceId} ${epoch}`, legitimate])
        )
        let decided = 0
        let denied = 0
        for (const run of runs) {
          assert.isTrue(isCompleted(run), `run ${run.dispatch.id} is ${run._tag}`)
          const { id, subject } = run.dispatch
          assert.isNull(flawOf(run, yield* log.recordsOf(id)))
          const { workspaceId } = subject.scope
          const decisions = yield* log.decisionsOf(id)
          for (const { decision, epoch, id: decisionId } of decisions) {
            decided += 1
            if (decision._tag === "Denied") denied += 1
            // Decided by the authority of the epoch it names …
            assert.strictEqual(decision._tag === "Allowed", legitimateAt.get(`${workspaceId} ${epoch}`))
            // … and on the right side of every change: before it and there already, or after it and aware of it.
            for (const one of changes) {
              if (one.workspaceId !== workspaceId) continue
              assert.strictEqual(
                one.decidedBefore.has(decisionId),
                (epoch ?? -1) < one.epoch,
                `decision ${decisionId} at epoch ${epoch}, change to epoch ${one.epoch}`
              )
            }
          }
          // A handler was called once for each admission that was allowed, and for nothing else.
          const admissions = starts.filter(({ dispatch }) => dispatch.id === id).map(({ admission }) => admission)
          assert.strictEqual(new Set(admissions).size, admissions.length)
          assert.strictEqual(calls.filter((called) => called === id).length, admissions.length)
          for (const admission of admissions) {
            const first = decisions.find((one) => one.admission === admission)
            assert.strictEqual(first?.decision._tag, "Allowed")
          }
          assert.strictEqual(delivered.filter(({ runId }) => runId === id).length, 1)
        }
        process.stdout.write(
          `${runs.length} runs, ${decided} decisions, ${denied} denied, ${changes.length} changes, ${calls.length} calls\n`
        )
        // The race took place.
        assert.isAbove(denied, 0)
        assert.isAbove(calls.length, 10)
        assert.isAbove(changes.length, 10)
      }).pipe(Effect.provide(layerProgram(url, 12)))
    }).pipe(Effect.provide(layerSilence)),
  120_000
)
