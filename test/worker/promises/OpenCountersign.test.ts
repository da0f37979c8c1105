/** The gate as promises, in a host that talks to PostgreSQL with node-postgres. */
import { Operation, RESULT_TOO_LARGE, ScheduleId } from "@countersign/domain"
import { openCountersign, PromiseHandler } from "@countersign/worker"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import pg from "pg"
import { freshDatabase } from "../../support/postgres.ts"

const sendInvoice = Operation.make({
  type: "invoice.send",
  systemAuthority: true,
  payload: Schema.Struct({ invoice: Schema.String }),
  result: Schema.Void
})

const nothing = { systemAuthority: true, payload: Schema.Struct({}) } as const
const miscounting = Operation.make({ ...nothing, type: "miscounting", result: Schema.Void })
const copious = Operation.make({ ...nothing, type: "copious", result: Schema.String })

/** What a promise was rejected with; fails when it was not. */
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("nothing was rejected"),
    (error: unknown) => error
  )

const opened = Effect.gen(function* () {
  const url = yield* freshDatabase
  const sent: Array<string> = []
  const gate = yield* Effect.acquireRelease(
    Effect.promise(() =>
      openCountersign({
        database: { url },
        migrate: true,
        operations: [sendInvoice],
        handlers: [
          PromiseHandler.fromPromise(sendInvoice, async ({ invoice }) => {
            sent.push(invoice)
          })
        ]
      })
    ),
    (gate) => Effect.promise(() => gate.close())
  )
  const client = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )
  const dispatch = (invoice: string) =>
    gate.dispatch(
      { operation: sendInvoice, payload: { invoice }, workspaceId: "north", systemAuthority: true },
      { transaction: (text, values) => client.query(text, [...values]) }
    )
  return { url, sent, gate, client, dispatch }
})

describe("openCountersign", { timeout: 120_000 }, () => {
  it.live("a run is stored with the host's own transaction, or not at all, and two workers carry it out once", () =>
    Effect.gen(function* () {
      const { sent, gate, client, dispatch } = yield* opened
      yield* Effect.promise(async () => {
        await gate.query("INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)")
        await client.query("CREATE TABLE invoices (id text PRIMARY KEY)")

        await client.query("BEGIN")
        await client.query("INSERT INTO invoices VALUES ('A-1')")
        const undone = await dispatch("A-1")
        await client.query("ROLLBACK")
        assert.propertyVal(await rejection(gate.find(undone.run.dispatch.id)), "_tag", "RunNotFound")

        await client.query("BEGIN")
        await client.query("INSERT INTO invoices VALUES ('B-2')")
        const first = await dispatch("B-2")
        const again = await dispatch("B-2")
        assert.isTrue(again.deduped)
        assert.strictEqual(again.run.dispatch.id, first.run.dispatch.id)
        assert.propertyVal(await rejection(gate.find(first.run.dispatch.id)), "_tag", "RunNotFound")
        await client.query("COMMIT")

        const workers = [await gate.work({ pollMillis: 50 }), await gate.work({ pollMillis: 50 })]
        await Promise.all(workers.map(({ drained }) => drained()))
        await Promise.all(workers.map(({ stop }) => stop()))
        assert.deepStrictEqual(sent, ["B-2"])
        assert.strictEqual((await gate.find(first.run.dispatch.id))._tag, "Succeeded")
      })
    }).pipe(Effect.scoped)
  )

  it.live("closing waits for a worker that is being stopped already", () =>
    Effect.gen(function* () {
      const { url, client } = yield* opened
      yield* Effect.promise(async () => {
        let finish = () => {}
        const begun = Promise.withResolvers<void>()
        const gate = await openCountersign({
          database: { url },
          operations: [sendInvoice],
          handlers: [
            PromiseHandler.fromPromise(sendInvoice, async () => {
              const finished = Promise.withResolvers<void>()
              finish = finished.resolve
              begun.resolve()
              await finished.promise
            })
          ]
        })
        await gate.query("INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)")
        const worker = await gate.work({ pollMillis: 50 })
        const request = { operation: sendInvoice, workspaceId: "north", systemAuthority: true } as const
        const { run } = await gate.dispatch({ ...request, payload: { invoice: "C-3" } })
        await begun.promise
        const ends = [worker.stop(), worker.stop(), gate.close()]
        setImmediate(finish)
        await Promise.all(ends)
        const { rows } = await client.query("SELECT outcome FROM countersign.runs WHERE id = $1", [run.dispatch.id])
        assert.deepStrictEqual(rows, [{ outcome: "succeeded" }])
      })
    }).pipe(Effect.scoped)
  )

  it.live("thousands are stored with the host's own transaction or not at all; what is refused leaves it usable", () =>
    Effect.gen(function* () {
      const { gate, client } = yield* opened
      yield* Effect.promise(async () => {
        const invoices = (count: number, from = 0) =>
          Array.from({ length: count }, (_, at) => ({
            operation: sendInvoice,
            payload: { invoice: `${from + at} "\\'{}, NULL` },
            workspaceId: "north",
            systemAuthority: true as const
          }))
        const inTransaction = { transaction: (text: string, values: Array<string>) => client.query(text, values) }
        const stored = async () =>
          (await client.query("SELECT count(*)::integer AS runs FROM countersign.runs")).rows[0]?.runs

        await client.query("BEGIN")
        await gate.dispatchAll(invoices(2_100), inTransaction)
        await client.query("ROLLBACK")
        assert.strictEqual(await stored(), 0)

        await client.query("BEGIN")
        await client.query("CREATE TABLE kept (id text)")
        const wrong = invoices(2_100).toSpliced(7, 0, ...invoices(1).map((one) => ({ ...one, workspaceId: "" })))
        assert.propertyVal(await rejection(gate.dispatchAll(wrong, inTransaction)), "_tag", "DispatchAllRefused")
        // The second thousand meets a connection that refuses once: what the first one stored is taken back.
        let statements = 0
        const faltering = (text: string, values: Array<string>) => {
          statements += 1
          return statements === 3 ? client.query("SELECT 1 / 0") : client.query(text, values)
        }
        const failed = await rejection(gate.dispatchAll(invoices(2_100), { transaction: faltering }))
        assert.propertyVal(failed, "_tag", "StoreUnavailable")
        assert.strictEqual(await stored(), 0)
        const answers = await gate.dispatchAll(invoices(2_100), inTransaction)
        const again = await gate.dispatchAll(invoices(1_200, 2_000), inTransaction)
        assert.strictEqual(again.filter(({ deduped }) => deduped).length, 100)
        await client.query("COMMIT")
        assert.strictEqual(await stored(), 3_200)
        await client.query("SELECT FROM kept")
        for (const at of [0, 1_000, 2_099]) {
          const { run } = answers[at] ?? assert.fail("an answer is missing")
          assert.deepStrictEqual(run.dispatch.payload, invoices(1, at)[0]?.payload)
          assert.deepStrictEqual(await gate.find(run.dispatch.id), run)
        }
        assert.deepStrictEqual(await gate.dispatchAll([]), [])
        assert.strictEqual((await gate.dispatchAll(invoices(2_100))).filter(({ deduped }) => deduped).length, 2_100)
        // biome-ignore lint/suspicious/noExplicitAny: what a caller without types may hand over
        const untyped: any = gate.dispatchAll
        for (const requests of [null, undefined, 1, [null]])
          assert.instanceOf(await rejection(untyped(requests)), Error)
      })
    }).pipe(Effect.scoped)
  )

  it.live("what makes no sense is a rejection, never a throw", () =>
    Effect.gen(function* () {
      const { url, gate, client, dispatch } = yield* opened
      yield* Effect.promise(async () => {
        // biome-ignore lint/suspicious/noExplicitAny: what a caller without types may hand over
        const untyped: any = gate.dispatch
        for (const request of [null, undefined, 1]) assert.instanceOf(await rejection(untyped(request)), Error)
        const nowhere = { operation: sendInvoice, payload: { invoice: "C-3" }, workspaceId: "", systemAuthority: true }
        assert.propertyVal(await rejection(untyped(nowhere)), "reason", "id_invalid")

        const nobodys = ScheduleId.make("nobody's")
        for (const attempt of [gate.findSchedule, gate.pauseSchedule, gate.resumeSchedule, gate.removeSchedule]) {
          assert.propertyVal(await rejection(attempt(nobodys)), "_tag", "ScheduleNotFound")
        }
        const target = { id: "nightly", workspaceId: "north", zone: "UTC", by: { id: "ada" } }
        const schedule = { ...target, operation: sendInvoice, payload: { invoice: "C-3" }, cron: "0 0 30 2 *" }
        assert.propertyVal(await rejection(gate.addSchedule(schedule)), "reason", "never_fires")
        assert.deepStrictEqual((await gate.listSchedules({ limit: 10 })).schedules, [])

        await client.query("BEGIN")
        await client.query("SELECT 1 / 0").catch(() => undefined)
        assert.propertyVal(await rejection(dispatch("C-3")), "_tag", "StoreUnavailable")
        await client.query("ROLLBACK")

        const wrong = new URL(url)
        wrong.password = "guessed"
        const operations = [sendInvoice]
        const refused = await rejection(openCountersign({ database: { url: wrong.href }, operations }))
        assert.propertyVal(refused, "trouble", "access_refused")
        const misnamed = await rejection(openCountersign({ database: { url }, schema: "no-name!", operations }))
        assert.instanceOf(misnamed, RangeError)
        const absent = await rejection(openCountersign({ database: { url }, schema: "absent", operations }))
        assert.propertyVal(absent, "trouble", "schema_mismatch")
      })
    }).pipe(Effect.scoped)
  )

  it.live("what is refused is a typed error that says why, and nothing is changed", () =>
    Effect.gen(function* () {
      const { gate, dispatch } = yield* opened
      yield* Effect.promise(async () => {
        await gate.query("INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)")
        await gate.query("INSERT INTO countersign.users (id, name) VALUES ('ada', 'Ada'), ('ben', 'Ben')")
        await gate.query(
          "INSERT INTO countersign.memberships (workspace_id, user_id, role) VALUES ('north', 'ada', 'any')"
        )
        const nightly = {
          id: "nightly",
          operation: sendInvoice,
          payload: { invoice: "N" },
          workspaceId: "north",
          cron: "@daily",
          zone: "UTC",
          by: { id: "ada" }
        }
        const { id: schedule } = await gate.addSchedule(nightly)
        const waiting = (await dispatch("W-1")).run.dispatch.id
        const over = (await dispatch("O-1")).run.dispatch.id
        await gate.cancel(over, { kind: "system", id: null })
        const tables = ["runs", "schedules", "audit_records", "notices", "pauses"]
        const state = async () =>
          JSON.stringify(
            await Promise.all(
              tables.map((table) => gate.query(`SELECT t::text FROM countersign.${table} t ORDER BY 1`))
            )
          )
        const before = await state()

        // biome-ignore lint/suspicious/noExplicitAny: what a caller without types may hand over
        const untyped: any = gate
        const added = (given: object) => () => untyped.addSchedule({ ...nightly, id: "a", ...given })
        const refusals: ReadonlyArray<readonly [tag: string, reason: string | undefined, () => Promise<unknown>]> = [
          ["ScheduleRefused", "never_fires", added({ cron: "0 0 30 2 *" })],
          ["ScheduleRefused", "cron_invalid", added({ cron: "every day" })],
          ["ScheduleRefused", "cron_invalid", added({ cron: null })],
          ["ScheduleRefused", "zone_unknown", added({ zone: "Mars/Olympus" })],
          ["ScheduleRefused", "missed_invalid", added({ missed: { _tag: "All", limit: 2 ** 31 } })],
          ["ScheduleRefused", "payload_invalid", added({ payload: { invoice: 7 } })],
          ["ScheduleRefused", "payload_too_large", added({ payload: { invoice: "x".repeat(70_000) } })],
          ["ScheduleRefused", "no_access", added({ by: { id: "ben" } })],
          ["ScheduleRefused", "no_access", () => gate.transferSchedule(schedule, { id: "ben" })],
          ["ScheduleRefused", "id_invalid", () => gate.transferSchedule(schedule, { id: "" })],
          ["ScheduleExists", undefined, () => gate.addSchedule(nightly)],
          ["ScheduleNotFound", undefined, () => untyped.pauseSchedule("none")],
          ["IllegalTransition", "not_in_table", () => gate.cancel(over, { kind: "human", id: null })],
          ["IllegalTransition", "not_in_table", () => gate.retry(waiting, null)],
          ["CancelRefused", "canceller_invalid", () => untyped.cancel(waiting, { kind: "pirate", id: "x" })],
          ["CancelRefused", "canceller_invalid", () => untyped.cancel(waiting)],
          ["CancelRefused", "canceller_invalid", () => untyped.cancel(waiting, { kind: "human", id: "" })],
          ["DispatchRefused", "id_invalid", () => untyped.retry(over, { initiator: "" })],
          [
            "PauseRefused",
            "unknown_operation",
            () => gate.pause({ operationType: "invoice.snd", by: "a", reason: "r" })
          ],
          ["PauseRefused", "scope_invalid", () => gate.pause({ by: "a", reason: "r" })]
        ]
        for (const [tag, reason, attempt] of refusals) {
          const error = await rejection(attempt())
          assert.instanceOf(error, Error)
          assert.propertyVal(error, "_tag", tag)
          if (reason !== undefined) assert.propertyVal(error, "reason", reason)
        }
        for (const limits of [{ concurrency: 0 }, { leaseMillis: 2 ** 31 }, { batch: 1_001 }, { resultMaxBytes: -1 }]) {
          assert.instanceOf(await rejection(gate.work(limits)), RangeError)
        }
        assert.strictEqual(await state(), before)
      })
    }).pipe(Effect.scoped)
  )

  it.live("a handler that miscounts fails its run; a result that is too large is left out", () =>
    Effect.gen(function* () {
      const { url } = yield* opened
      yield* Effect.promise(async () => {
        const gate = await openCountersign({
          database: { url },
          operations: [miscounting, copious],
          handlers: [
            PromiseHandler.fromPromise(miscounting, (_, { reportCounts }) => reportCounts({ nobodys: 1 })),
            PromiseHandler.fromPromise(copious, async () => "x".repeat(100))
          ]
        })
        await gate.query("INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)")
        const target = { workspaceId: "north", systemAuthority: true } as const
        const miscounted = await gate.dispatch({ ...target, operation: miscounting, payload: {} })
        const large = await gate.dispatch({ ...target, operation: copious, payload: {} })
        const worker = await gate.work({ pollMillis: 50, resultMaxBytes: 50 })
        await worker.drained()
        const failed = await gate.find(miscounted.run.dispatch.id)
        assert.strictEqual(failed._tag === "Failed" && failed.failure.code, "handler.invalid_counts")
        const partial = await gate.find(large.run.dispatch.id)
        assert.strictEqual(partial._tag === "PartiallySucceeded" && partial.failures[0].code, RESULT_TOO_LARGE)
        await gate.close()
      })
    }).pipe(Effect.scoped)
  )
})
