/** Rows that make no sense in more than one way are ended, and told of as far as they can be read. */
import { EmbeddedPostgres } from "@countersign/adapters"
import { enqueued, makeWorld, runIdAt, type World } from "@countersign/adapters/testing"
import {
  Events,
  eventsOf,
  Notices,
  type Queued,
  type Run,
  RunQueue,
  RunUnreadable,
  ScheduleId,
  SecretName,
  type Subscription,
  SubscriptionId,
  unreadableFailure,
  type WorkspaceEvent
} from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { SqlClient } from "effect/sql"
import { layerFreshDatabase } from "../../support/postgres.ts"
import { type Clients, layerPorts } from "./support.ts"

const LATER_MILLIS = 5
const PROBLEM = "somebody edited it"

/** What the end of a run that can be read makes known. */
const toldOf = (run: Queued, completedAtMillis: number): WorkspaceEvent => {
  const { availableAtMillis: _, held: __, ...rest } = run
  const [event] = eventsOf(run, { ...rest, _tag: "Failed", completedAtMillis, failure: unreadableFailure(PROBLEM) })
  assert(event)
  return event
}

const byId = (events: ReadonlyArray<WorkspaceEvent>) => new Map(events.map((event) => [event.id, event]))

/** Changes a row past the guard, which lets nobody change what was dispatched or what has completed. */
const edited = Effect.fnUntraced(function* (runs: ReadonlyArray<Run>, at: number, assignment: string) {
  const sql = yield* SqlClient.SqlClient
  const id = runs[at]?.dispatch.id
  yield* sql`ALTER TABLE countersign.runs DISABLE TRIGGER USER`
  yield* sql.unsafe(`UPDATE countersign.runs SET ${assignment} WHERE id = $1`, [id])
  yield* sql`ALTER TABLE countersign.runs ENABLE TRIGGER USER`
})

const subscribed = Effect.fnUntraced(function* ({ atMillis }: World) {
  const subscription: Subscription = {
    id: SubscriptionId.make(runIdAt(atMillis)),
    workspaceId: null,
    url: "https://example.org/hook",
    secretName: SecretName.make("OPS"),
    eventTypes: ["run.failed"],
    createdAtMillis: atMillis
  }
  yield* (yield* Events).subscribe(subscription)
  return subscription
})

const due = Effect.fnUntraced(function* ({ id }: Subscription, nowMillis: number) {
  const events = yield* Events
  const taken = yield* events.takeDue({ nowMillis, hiddenUntilMillis: nowMillis, limit: 100, share: 100 })
  return taken.filter(({ subscription }) => subscription.id === id).map(({ event }) => event)
})

const setAside = (ids: ReadonlyArray<string>, atMillis: number) =>
  Effect.flatMap(RunQueue, (queue) =>
    queue.quarantine(
      ids.map((runId) => new RunUnreadable({ runId, problem: PROBLEM })),
      atMillis
    )
  )

/** What is wrong with a row, and which of its names can be told of no more; null where it cannot be told of at all. */
const EDITS: ReadonlyArray<readonly [assignment: string, untold: ReadonlyArray<"tenant_id" | "schedule_id"> | null]> = [
  ["held = NULL", []],
  [`counts = '{"deleted": "many"}'`, []],
  ["initiator_name = E'Ada\\nLovelace'", []],
  ["initiator_id = E'a\\nda'", []],
  [`expires_at = 'infinity', counts = '{"deleted": "many"}'`, []],
  ["slot_at = 'infinity'", []],
  ["tenant_id = E'north\\twest'", ["tenant_id"]],
  ["schedule_id = E'night\\nly'", ["schedule_id"]],
  ["workspace_id = E'some\\nwhere'", null],
  ["operation_type = E'any\\nthing'", null],
  ["id = overlay(id::text PLACING '0' FROM 20)::uuid", null]
]

const toldOfAsFarAsRead = <E>(name: string, client: () => Layer.Layer<Clients, E>) =>
  layer(layerPorts(client()), { excludeTestServices: true, timeout: "60 seconds" })(`set aside: ${name}`, (it) => {
    it.effect("what the plain columns say is told, what they do not say is left out, and nothing is in the way", () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const world = yield* makeWorld
        const atMillis = world.atMillis + LATER_MILLIS
        const subscription = yield* subscribed(world)
        const slotAt = (at: number) => ({ scheduleId: ScheduleId.make("nightly"), slotMillis: world.atMillis + at })
        const runs = yield* enqueued(
          EDITS.map(([edit], at) =>
            /^(schedule|slot)/.test(edit) ? world.systemDispatch({ slot: slotAt(at) }) : world.dispatch()
          )
        )
        yield* Effect.forEach(EDITS, ([assignment], at) => edited(runs, at, assignment))
        const stored = yield* sql<{ readonly id: string }>`SELECT id::text FROM countersign.runs`
        yield* setAside(
          stored.map(({ id }) => id),
          atMillis
        )
        const expected = runs.flatMap((run, at) => {
          const untold = EDITS[at]?.[1] ?? null
          if (untold === null) return []
          const event = toldOf(run, atMillis)
          return [{ ...event, data: { ...event.data, ...Object.fromEntries(untold.map((key) => [key, null])) } }]
        })
        assert.deepStrictEqual(byId(yield* due(subscription, atMillis)), byId(expected))
        const notices = yield* (yield* Notices).takeDue(atMillis, atMillis, 100)
        assert.deepStrictEqual(
          notices.map(({ notice }) => notice.runId),
          runs.slice(0, 2).map(({ dispatch }) => dispatch.id)
        )
        assert.strictEqual(yield* (yield* RunQueue).countActive([world.operationType]), 0)
        const audited = yield* sql`SELECT FROM countersign.audit_records WHERE code = 'run.unreadable'`
        assert.strictEqual(audited.length, EDITS.length)
        yield* (yield* Events).unsubscribe(subscription.id)
      })
    )

    it.effect("a row that was edited until it waits again is ended again, and told of once", () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        const { atMillis } = world
        const subscription = yield* subscribed(world)
        const runs = yield* enqueued([world.dispatch()])
        const ids = runs.map(({ dispatch }) => dispatch.id)
        yield* setAside(ids, atMillis)
        yield* edited(runs, 0, "status = 'queued', outcome = 'pending', completed_at = NULL, failure_summary = NULL")
        assert.strictEqual(yield* (yield* RunQueue).countActive([world.operationType]), 1)
        yield* setAside(ids, atMillis + 1)
        assert.strictEqual(yield* (yield* RunQueue).countActive([world.operationType]), 0)
        assert.deepStrictEqual(
          (yield* due(subscription, atMillis + 1)).map(({ data }) => data.run_id),
          ids
        )
      })
    )
  })

toldOfAsFarAsRead("server", () => layerFreshDatabase())
toldOfAsFarAsRead("embedded", () => EmbeddedPostgres.layer())
