/** The story of `npm start`, told by the process itself. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../../support/postgres.ts"
import { jsonLines, run } from "../cli/support/process.ts"

const CHECKS = ["workspace_scope", "tenant_scope", "capability", "tenant_operability", "execution_prerequisites"]

const STORY = [
  ["inventory_sync", "succeeded", null, null],
  ["inventory_sync", "blocked", "missing_capability", "capability_denied"],
  ["directory_group_sync", "blocked", "tenant_not_operable", "tenant_not_operable"],
  ["provider.connection.check", "blocked", "provider_connection_invalid", "prerequisite_invalid"],
  ["restore.execute", "blocked", "write_gate_blocked", "prerequisite_invalid"],
  ["policy.bulk_delete", "blocked", "initiator_not_entitled", "initiator_invalid"],
  ["backup_schedule_run", "succeeded", null, null]
]

const told = (lines: ReadonlyArray<Record<string, unknown>>) =>
  lines.map(({ type, outcome, reason_code, denial_class }) => [type, outcome, reason_code, denial_class])

describe("countersign demo", { timeout: 180_000 }, () => {
  it("as JSON: one object per run, nothing else, and nothing needed", async () => {
    const env = { DATABASE_URL: "mysql://of@another/project", COUNTERSIGN_CONFIG: "/nowhere.json" }
    const ended = await run(["demo", "--json"], { env })
    assert.strictEqual(ended.code, 0, ended.stderr)
    assert.strictEqual(ended.stderr, "")
    const lines = jsonLines(ended)
    assert.deepStrictEqual(told(lines), STORY)
    for (const line of lines) {
      assert.hasAllKeys(line, ["id", "type", "status", "outcome", "reason_code", "denial_class", "checks"])
      assert.strictEqual(line.status, "completed")
      const { checks } = line
      if (typeof checks !== "object" || checks === null) return assert.fail("no checks")
      assert.deepStrictEqual(Object.keys(checks), CHECKS)
      const failed = Object.values(checks).filter((value) => value === "failed")
      assert.strictEqual(failed.length, line.outcome === "blocked" ? 1 : 0)
    }
  })

  it("for people: the table on stdout, the story on stderr, no codes, no colours; twice in one folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "countersign-demo-"))
    try {
      for (const _ of [1, 2]) {
        const ended = await run(["demo", "--exit", "--data", join(folder, "data")])
        assert.strictEqual(ended.code, 0, ended.stderr)
        assert.match(ended.stdout, /^Operation +Tenant +Started by +How it ended\n/)
        assert.include(ended.stdout, "Blocked — the tenant is archived")
        assert.include(ended.stdout, "→ Restore the tenant from the archive.")
        assert.notMatch(ended.stdout, /missing_capability|not_a_member/)
        assert.notInclude(ended.stdout, "\u001b")
        assert.include(ended.stderr, "Finn is removed from the workspace")
        assert.match(ended.stderr, /That took \d+\.\d s/)
      }
      const listed = await run(["runs", "list", "--json", "--data", join(folder, "data")])
      assert.strictEqual(jsonLines(listed).length, 14)
      const doctor = await run(["doctor", "--json", "--data", join(folder, "data")])
      assert.strictEqual(doctor.code, 0)
      assert.deepStrictEqual(
        jsonLines(doctor).filter(({ verdict }) => verdict !== "ok"),
        []
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it.live("on a server: twice, and never on ground that others hold", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const runs = yield* Effect.forEach([1, 2], () => Effect.promise(() => run(["demo", "--json", "--database", url])))
      for (const ended of runs) assert.deepStrictEqual(told(jsonLines(ended)), STORY)

      const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
      const sql = Context.get(client, PgClient.PgClient)
      const [counted] = yield* sql`SELECT count(*)::integer AS inbox FROM countersign.inbox`
      assert.deepStrictEqual(counted, { inbox: 12 })
      yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('production', true)`
      const refused = yield* Effect.promise(() => run(["demo", "--json", "--database", url]))
      assert.strictEqual(refused.code, 1)
      assert.strictEqual(refused.stdout, "")
      assert.strictEqual(JSON.parse(refused.stderr).error.code, "demo.not_own_ground")
      const elsewhere = yield* Effect.promise(() =>
        run(["demo", "--json", "--database", url, "--schema", "countersign_demo"])
      )
      assert.deepStrictEqual(told(jsonLines(elsewhere)), STORY)
    }).pipe(Effect.scoped)
  )
})
