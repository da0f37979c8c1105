/** The host of examples/tenant-operations: what its operations do to provider, folder and tables, and what a denial keeps them from. */
import { createHash } from "node:crypto"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Run, RunFailure } from "@countersign/domain"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import {
  checkConnection,
  deletePolicies,
  restoreBackup,
  runBackup,
  syncGroups,
  syncInventory
} from "../../examples/tenant-operations/operations/index.ts"
import type { Group } from "../../examples/tenant-operations/provider/Estate.ts"
import { connectorOf, emailOf, PARTNER } from "../../examples/tenant-operations/story/cast.ts"
import { dispatch, layerStage, Stage, work } from "../../examples/tenant-operations/story/Stage.ts"

const workOne = (run: Run) => Effect.map(work([run]), ([ended]) => ended ?? assert.fail("the run is gone"))

/** How a run ended, in short. */
const endOf = (run: Run) => ({ end: run._tag, attempt: run.attempt, counts: run.counts })
const resultOf = (run: Run) => (run._tag === "Succeeded" || run._tag === "PartiallySucceeded" ? run.result : null)
const failureCodeOf = (run: Run) => (run._tag === "Failed" || run._tag === "Blocked" ? run.failure.code : null)

/** What reached the provider while the effect lasted, as `DELETE policies/a`. */
const requestsDuring = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { provider } = yield* Stage
    const before = provider.received.length
    const value = yield* effect
    return { value, requests: provider.received.slice(before).map(({ method, path }) => `${method} ${path}`) }
  })

const devicesOf = (customer: string) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) =>
      sql<{ readonly device_id: string; readonly name: string }>`SELECT device_id, name FROM msp.devices
        WHERE customer_id = ${customer} ORDER BY device_id`
  )

layer(layerStage, { excludeTestServices: true, timeout: "120 seconds" })("tenant operations", (it) => {
  it.effect("a connection is checked, and the answer noted", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ended = yield* workOne(yield* dispatch("Tim", checkConnection, "contoso", {}))
      assert.deepStrictEqual(resultOf(ended), { provider: "Fake Provider 1.0" })
      assert.deepStrictEqual(
        yield* sql`SELECT answer FROM msp.connector_checks WHERE connector_id = ${connectorOf("contoso")}`,
        [{ answer: "Fake Provider 1.0" }]
      )
    })
  )

  it.effect("429 is tried again when the provider says, 500 after a while, 401 never", () =>
    Effect.gen(function* () {
      const { provider } = yield* Stage
      const { troubles } = provider.estate("contoso")
      troubles.push({ status: 429, retryAfterSeconds: 0.01 })
      const busy = yield* requestsDuring(Effect.flatMap(dispatch("Tim", checkConnection, "contoso", {}), workOne))
      assert.deepStrictEqual(endOf(busy.value), { end: "Succeeded", attempt: 2, counts: {} })
      assert.strictEqual(busy.requests.length, 2)

      troubles.push({ status: 500 })
      const broken = yield* workOne(yield* dispatch("Tim", checkConnection, "contoso", {}))
      assert.deepStrictEqual(endOf(broken), { end: "Succeeded", attempt: 2, counts: {} })

      troubles.push({ status: 401 })
      const refused = yield* requestsDuring(Effect.flatMap(dispatch("Tim", checkConnection, "contoso", {}), workOne))
      assert.deepStrictEqual(endOf(refused.value), { end: "Failed", attempt: 1, counts: {} })
      assert.strictEqual(failureCodeOf(refused.value), "provider.unauthorized")
      assert.strictEqual(refused.requests.length, 1)
    })
  )

  it.effect("the inventory comes page by page; a second attempt comes to the same, and what is gone is removed", () =>
    Effect.gen(function* () {
      const { provider } = yield* Stage
      const { devices, troubles } = provider.estate("fabrikam")
      const first = yield* workOne(yield* dispatch("Tim", syncInventory, "fabrikam", {}))
      assert.deepStrictEqual(endOf(first), { end: "Succeeded", attempt: 1, counts: { devices: 7, removed: 0 } })
      assert.deepStrictEqual(
        (yield* devicesOf("fabrikam")).map(({ device_id, name }) => ({ id: device_id, name })),
        [...devices.values()]
      )

      devices.delete("device-2")
      devices.set("device-3", { id: "device-3", name: "renamed" })
      troubles.push("none", { status: 500 })
      const again = yield* requestsDuring(Effect.flatMap(dispatch("Tim", syncInventory, "fabrikam", {}), workOne))
      assert.deepStrictEqual(endOf(again.value), { end: "Succeeded", attempt: 2, counts: { devices: 6, removed: 1 } })
      assert.strictEqual(again.requests.length, 2 + 2)
      assert.deepStrictEqual(
        (yield* devicesOf("fabrikam")).map(({ device_id, name }) => ({ id: device_id, name })),
        [...devices.values()]
      )
    })
  )

  it.effect("groups are added, updated and removed; done again there is nothing to do", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { provider } = yield* Stage
      const { groups } = provider.estate("fabrikam")
      const sync = Effect.flatMap(dispatch("Nora", syncGroups, "fabrikam", {}), workOne)
      assert.deepStrictEqual(resultOf(yield* sync), { added: 3, updated: 0, removed: 0 })

      groups.delete("group-1")
      groups.set("group-2", { id: "group-2", name: "group 2", members: 200 })
      groups.set("group-4", { id: "group-4", name: "group 4", members: 4 })
      const changed = yield* sync
      assert.deepStrictEqual(resultOf(changed), { added: 1, updated: 1, removed: 1 })
      assert.deepStrictEqual(changed.counts, { added: 1, updated: 1, removed: 1 })
      assert.deepStrictEqual(
        yield* sql<Group>`SELECT group_id AS id, name, members FROM msp.directory_groups
          WHERE customer_id = 'fabrikam' ORDER BY group_id`,
        [...groups.values()]
      )
      assert.deepStrictEqual(resultOf(yield* sync), { added: 0, updated: 0, removed: 0 })
    })
  )

  it.effect("a backup is a file with a checksum, and a restore writes back exactly what is in it", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { provider, folder } = yield* Stage
      const { policies, troubles } = provider.estate("wingtip")
      const before = new Map(policies)
      const backedUp = yield* workOne(yield* dispatch("the schedule", runBackup, "wingtip", {}))
      assert.deepStrictEqual(endOf(backedUp), { end: "Succeeded", attempt: 1, counts: { policies: 9 } })
      const backupId = backedUp.dispatch.id
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(folder)), [`${backupId}.json`])
      const file = join(folder, `${backupId}.json`)
      const text = yield* Effect.promise(() => readFile(file, "utf8"))
      assert.deepStrictEqual(JSON.parse(text), { policies: [...policies.values()] })
      assert.deepStrictEqual(yield* sql`SELECT id, sha256, policies FROM msp.backups WHERE customer_id = 'wingtip'`, [
        { id: backupId, sha256: createHash("sha256").update(text).digest("hex"), policies: 9 }
      ])

      policies.clear()
      // The fifth request breaks the first attempt off; what it wrote is written again.
      troubles.push("none", "none", "none", "none", { status: 500 })
      const restored = yield* requestsDuring(
        Effect.flatMap(dispatch("Max", restoreBackup, "wingtip", { backupId }), workOne)
      )
      assert.deepStrictEqual(endOf(restored.value), { end: "Succeeded", attempt: 2, counts: { restored: 9 } })
      assert.strictEqual(restored.requests.length, 5 + 9)
      assert.deepStrictEqual(policies, before)

      const restore = (customer: "wingtip" | "tailspin") =>
        requestsDuring(Effect.flatMap(dispatch("Max", restoreBackup, customer, { backupId }), workOne))
      const elsewhere = yield* restore("tailspin")
      assert.deepStrictEqual([failureCodeOf(elsewhere.value), elsewhere.requests], ["backup.unknown", []])
      yield* Effect.promise(() => writeFile(file, text.replace("policy 1", "policy 0")))
      const damaged = yield* restore("wingtip")
      assert.deepStrictEqual([failureCodeOf(damaged.value), damaged.requests], ["backup.damaged", []])
    })
  )

  it.effect("a bulk delete counts what it deleted and what it could not, and keeps the first failures", () =>
    Effect.gen(function* () {
      const { provider } = yield* Stage
      const { policies, locked, troubles } = provider.estate("tailspin")
      const policyIds = Array.from({ length: 34 }, (_, index) => `bulk-${index}`)
      for (const id of policyIds) policies.set(id, { id, name: id })
      for (const id of policyIds.slice(0, 25)) locked.add(id)
      const partly = yield* workOne(yield* dispatch("Max", deletePolicies, "tailspin", { policyIds }))
      assert.deepStrictEqual(endOf(partly), {
        end: "PartiallySucceeded",
        attempt: 1,
        counts: { deleted: 9, failed: 25 }
      })
      const failures = partly._tag === "PartiallySucceeded" ? partly.failures : []
      assert.strictEqual(failures.length, 20)
      assert.isTrue(Schema.is(Schema.Array(RunFailure))(failures))
      assert.deepStrictEqual(failures[0], { code: "policy.locked", message: "The policy bulk-0 is locked." })

      // The second attempt finds gone what the first deleted, and counts it.
      locked.clear()
      troubles.push("none", "none", "none", "none", { status: 500 })
      const rest = policyIds.slice(0, 6)
      const twice = yield* requestsDuring(
        Effect.flatMap(dispatch("Max", deletePolicies, "tailspin", { policyIds: rest }), workOne)
      )
      assert.deepStrictEqual(endOf(twice.value), { end: "Succeeded", attempt: 2, counts: { deleted: 6, failed: 0 } })
      assert.strictEqual(twice.requests.length, 5 + 6)
      assert.isFalse(rest.some((id) => policies.has(id)))
    })
  )

  it.effect(
    "every table behind the views is fenced: a change moves the authority of its partner, and of no other",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`INSERT INTO msp.partners (id, name) VALUES ('elsewhere', 'Somebody else')`
        const epochs = Effect.map(
          sql<{ readonly workspace_id: string; readonly epoch: string }>`SELECT workspace_id, epoch::text AS epoch
          FROM countersign.authority_epochs`,
          (rows) => new Map(rows.map(({ workspace_id, epoch }) => [workspace_id, Number(epoch)]))
        )
        const tim = emailOf("Tim")
        for (const change of [
          sql`UPDATE msp.partners SET name = 'Northwind' WHERE id = ${PARTNER}`,
          sql`UPDATE msp.staff SET name = 'Timothy' WHERE email = ${tim}`,
          sql`UPDATE msp.teams SET job = 'technician' WHERE email = ${tim}`,
          sql`UPDATE msp.customers SET name = 'Contoso' WHERE id = 'contoso'`,
          sql`DELETE FROM msp.assignments WHERE email = ${tim} AND customer_id = 'wingtip'`,
          sql`UPDATE msp.connectors SET consented = true WHERE customer_id = 'wingtip'`,
          sql`INSERT INTO msp.hardening_checks (customer_id, result, checked_at) VALUES ('tailspin', 'ok', ${new Date()})`
        ]) {
          const before = yield* epochs
          yield* change
          const after = yield* epochs
          assert.strictEqual(after.get(PARTNER), (before.get(PARTNER) ?? 0) + 1)
          assert.strictEqual(after.get("elsewhere"), before.get("elsewhere"))
        }
        const before = yield* epochs
        yield* sql`INSERT INTO msp.job_rights (job, may) VALUES ('auditor', 'look')`
        const after = yield* epochs
        for (const partner of [PARTNER, "elsewhere"]) {
          assert.strictEqual(after.get(partner), (before.get(partner) ?? 0) + 1)
        }
      })
  )

  it.effect("what is revoked while it waits never reaches provider, folder or tables", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const { folder } = yield* Stage
      const files = yield* Effect.promise(() => readdir(folder))
      const runs = [
        yield* dispatch("Ole", syncInventory, "contoso", {}),
        yield* dispatch("Ole", checkConnection, "wingtip", {}),
        yield* dispatch("Tim", syncGroups, "contoso", {}),
        yield* dispatch("the schedule", runBackup, "tailspin", {}),
        yield* dispatch("Max", restoreBackup, "wingtip", { backupId: "any" }),
        yield* dispatch("Max", deletePolicies, "contoso", { policyIds: ["policy-1"] })
      ]
      yield* sql`DELETE FROM msp.teams WHERE email = ${emailOf("Ole")}`
      yield* sql`DELETE FROM msp.job_rights WHERE job = 'technician' AND may = 'directory.sync'`
      yield* sql`UPDATE msp.customers SET stage = 'archived' WHERE id = 'tailspin'`
      yield* sql`INSERT INTO msp.hardening_checks (customer_id, result, checked_at) VALUES ('wingtip', 'degraded', ${new Date()})`
      yield* sql`UPDATE msp.customers SET changes_frozen = true WHERE id = 'contoso'`
      const { value: ended, requests } = yield* requestsDuring(work(runs))

      assert.deepStrictEqual(
        ended.map((run) => [run._tag, failureCodeOf(run), run._tag === "Blocked" && run.startedAtMillis]),
        [
          ["Blocked", "initiator_not_entitled", null],
          ["Blocked", "initiator_not_entitled", null],
          ["Blocked", "missing_capability", null],
          ["Blocked", "tenant_not_operable", null],
          ["Blocked", "write_gate_blocked", null],
          ["Blocked", "execution_prerequisite_invalid", null]
        ]
      )
      assert.deepStrictEqual(requests, [])
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(folder)), files)
      assert.deepStrictEqual(yield* devicesOf("contoso"), [])
      assert.deepStrictEqual(yield* sql`SELECT 1 FROM msp.directory_groups WHERE customer_id = 'contoso'`, [])
      yield* sql`UPDATE msp.customers SET changes_frozen = false WHERE id = 'contoso'`
    })
  )

  it.effect(
    "revoked in the middle of a bulk delete: the chunk is finished, nothing after it is begun, the counts are kept",
    () =>
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const { provider } = yield* Stage
        const { policies } = provider.estate("contoso")
        const policyIds = [...policies.keys()]
        const context = yield* Effect.context<never>()
        const withdraw = Effect.asVoid(
          sql`DELETE FROM msp.assignments WHERE email = ${emailOf("Nora")} AND customer_id = 'contoso'`
        )
        const run = yield* dispatch("Nora", deletePolicies, "contoso", { policyIds })
        provider.onRequest = ({ path }) =>
          path === `policies/${policyIds[4]}` ? Effect.runPromiseWith(context)(withdraw) : Promise.resolve()
        const { value: ended, requests } = yield* requestsDuring(workOne(run))

        assert.deepStrictEqual(endOf(ended), { end: "Blocked", attempt: 1, counts: { deleted: 6, failed: 0 } })
        assert.strictEqual(failureCodeOf(ended), "tenant_not_entitled")
        assert.isNotNull(ended._tag === "Blocked" && ended.startedAtMillis)
        assert.deepStrictEqual(
          requests,
          policyIds.slice(0, 6).map((id) => `DELETE policies/${id}`)
        )
        assert.deepStrictEqual([...policies.keys()], policyIds.slice(6))
      })
  )
})
