/** A host that keeps its graphile-worker: it delivers run ids, and the gate does the rest. Everything here is real. */
import { Operation, type QueueEntry } from "@countersign/domain"
import { type HostQueue, openCountersign, PromiseHandler } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Logger, run, runMigrations } from "graphile-worker"
import pg from "pg"
import { freshDatabase } from "../../support/postgres.ts"

const sendInvoice = Operation.make({
  type: "invoice.send",
  systemAuthority: true,
  payload: Schema.Struct({ invoice: Schema.String, failures: Schema.Int }),
  result: Schema.Void,
  attempts: { backoffMillis: 50, backoffMaxMillis: 50 }
})

const TASK = "countersign"
const silent = new Logger(() => () => undefined)

const addJob = (text: string): string => `SELECT FROM graphile_worker.add_job('${TASK}',
  payload := json_build_object('runId', $1::text), run_at := ${text}, job_key := $1::text)`

/** Puts ids into graphile-worker by its own SQL, in the transaction it is given. */
const graphile: HostQueue = {
  enqueue: async (entries, query) => {
    for (const { runId, notBeforeMillis } of entries) {
      await query(addJob("to_timestamp($2::text::double precision / 1000)"), [runId, String(notBeforeMillis)])
    }
  }
}

const isDelivered = Schema.is(Schema.Struct({ runId: Schema.String }))

/** A host with its queue in the database of the gate. */
const opened = Effect.fnUntraced(function* (queue: HostQueue) {
  const connectionString = yield* freshDatabase
  yield* Effect.promise(() => runMigrations({ connectionString, logger: silent }))
  const done: Array<string> = []
  const handler = PromiseHandler.fromPromise(sendInvoice, async ({ invoice, failures }, { attempt }) => {
    if (attempt <= failures) throw new Error("busy")
    done.push(invoice)
  })
  const gate = yield* Effect.acquireRelease(
    Effect.promise(() =>
      openCountersign({
        database: { url: connectionString },
        migrate: true,
        operations: [sendInvoice],
        handlers: [handler],
        queue
      })
    ),
    (opened) => Effect.promise(() => opened.close())
  )
  yield* Effect.promise(() =>
    gate.query("INSERT INTO countersign.workspaces (id, open) VALUES ('north', true), ('shut', false)")
  )
  const client = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const connected = new pg.Client({ connectionString })
      await connected.connect()
      return connected
    }),
    (connected) => Effect.promise(() => connected.end())
  )
  const jobs = async () => {
    const { rows } = await client.query("SELECT key FROM graphile_worker.jobs ORDER BY id")
    return rows.map(({ key }) => key)
  }
  const request = (invoice: string, failures = 0, workspaceId = "north") => ({
    operation: sendInvoice,
    payload: { invoice, failures },
    workspaceId,
    systemAuthority: true as const
  })
  const transaction = (text: string, values: ReadonlyArray<string>) => client.query(text, [...values])
  return { connectionString, done, gate, client, jobs, request, transaction }
})

describe("a queue of the host's own: graphile-worker", { timeout: 120_000 }, () => {
  it.live("runs and entries come into being together, in our transaction and in the host's, or not at all", () =>
    Effect.gen(function* () {
      const { gate, client, jobs, request, transaction } = yield* opened(graphile)
      yield* Effect.promise(async () => {
        const { run: ours } = await gate.dispatch(request("1"))
        await client.query("BEGIN")
        const { run: undone } = await gate.dispatch(request("2"), { transaction })
        await client.query("ROLLBACK")
        await client.query("BEGIN")
        const { run: theirs } = await gate.dispatch(request("3"), { transaction })
        const again = await gate.dispatch(request("3"), { transaction })
        await client.query("COMMIT")
        assert.isTrue(again.deduped)
        assert.deepStrictEqual(await jobs(), [ours.dispatch.id, theirs.dispatch.id])
        const { runs } = await gate.list({ limit: 10 })
        assert.sameMembers(
          runs.map(({ dispatch }) => dispatch.id),
          [ours.dispatch.id, theirs.dispatch.id]
        )
        assert.notInclude(await jobs(), undone.dispatch.id)
      })
    }).pipe(Effect.scoped)
  )

  it.live("many together come into being with their entries, in our transaction and in the host's", () =>
    Effect.gen(function* () {
      const { gate, client, jobs, request, transaction } = yield* opened(graphile)
      yield* Effect.promise(async () => {
        const ours = await gate.dispatchAll(["1", "2"].map((invoice) => request(invoice)))
        await client.query("BEGIN")
        const theirs = await gate.dispatchAll(
          ["2", "3", "3"].map((invoice) => request(invoice)),
          { transaction }
        )
        await client.query("COMMIT")
        assert.deepStrictEqual(
          theirs.map(({ deduped }) => deduped),
          [true, false, true]
        )
        const isNew = [...ours, ...theirs].filter(({ deduped }) => !deduped)
        assert.sameMembers(
          await jobs(),
          isNew.map(({ run }) => run.dispatch.id)
        )
      })
    }).pipe(Effect.scoped)
  )

  it.live("what the queue does not take has failed, in our transaction and in the host's, which goes on", () =>
    Effect.gen(function* () {
      const broken: HostQueue = { enqueue: (_, query) => query("SELECT graphile_worker.no_such_function()", []) }
      const { gate, client, request, transaction } = yield* opened(broken)
      yield* Effect.promise(async () => {
        const { run: ours } = await gate.dispatch(request("1"))
        await client.query("BEGIN")
        await client.query("CREATE TABLE invoices (id text)")
        const { run: theirs } = await gate.dispatch(request("2"), { transaction })
        const many = await gate.dispatchAll([request("3"), request("4")], { transaction })
        await client.query("COMMIT")
        await client.query("SELECT FROM invoices")
        for (const { dispatch } of [ours, theirs, ...many.map(({ run }) => run)]) {
          const found = await gate.find(dispatch.id)
          if (found._tag !== "Failed") return assert.fail(`the run is ${found._tag}`)
          assert.strictEqual(found.failure.code, "queue.dispatch_failed")
        }
        assert.strictEqual((await client.query("SELECT FROM countersign.runs WHERE status = 'queued'")).rowCount, 0)
      })
    }).pipe(Effect.scoped)
  )

  it.live(
    "it delivers, the gate admits: allowed runs are done once, denied ones blocked, failed attempts made again",
    () =>
      Effect.gen(function* () {
        const put: Array<QueueEntry> = []
        const watched: HostQueue = {
          enqueue: (entries, query) => {
            put.push(...entries)
            return graphile.enqueue(entries, query)
          }
        }
        const { connectionString, gate, jobs, done, request } = yield* opened(watched)
        yield* Effect.promise(async () => {
          const dispatched = await Promise.all(
            [request("plain"), request("stubborn", 2), request("denied", 0, "shut")].map((one) => gate.dispatch(one))
          )
          const ids = dispatched.map(({ run: { dispatch } }) => dispatch.id)
          const worker = await gate.work({ claims: false, pollMillis: 50 })
          const deliver = async (payload: unknown) => {
            if (isDelivered(payload)) await worker.deliver([payload.runId, payload.runId])
          }
          const runner = await run({
            connectionString,
            concurrency: 2,
            pollInterval: 50,
            noHandleSignals: true,
            logger: silent,
            taskList: { [TASK]: deliver }
          })
          await worker.drained()
          // Delivered once more, as by a queue that lost track of what it had delivered.
          await Promise.all(ids.map((runId) => deliver({ runId })))
          await runner.stop()
          const ended = await Promise.all(ids.map((id) => gate.find(id)))
          assert.deepStrictEqual(
            ended.map(({ _tag, attempt }) => [_tag, attempt]),
            [
              ["Succeeded", 1],
              ["Succeeded", 3],
              ["Blocked", 1]
            ]
          )
          assert.sameMembers(done, ["plain", "stubborn"])
          assert.deepStrictEqual(await jobs(), [])
          const stubborn = put.filter(({ runId }) => runId === ids[1])
          assert.isAtLeast(stubborn.length, 3)
          await worker.stop()
        })
      }).pipe(Effect.scoped)
  )
})
