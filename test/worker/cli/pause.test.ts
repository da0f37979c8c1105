/** Pausing and resuming at the command line, and what it says of runs that wait. In this process: no command here is stopped. */
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../../support/postgres.ts"
import { type Answered, answered } from "./support/inProcess.ts"
import { waiting } from "./support/waiting.ts"

const app = join(import.meta.dirname, "support/app.ts")

const only = ({ code, stdout, stderr }: Answered): Record<string, unknown> => {
  assert.strictEqual(code, 0, stderr)
  return JSON.parse(stdout)
}

/** A migrated database, a client of it, and the command line of its host. */
const prepared = Effect.gen(function* () {
  const url = yield* freshDatabase
  const run = (args: ReadonlyArray<string>) => answered(args, { DATABASE_URL: url, COUNTERSIGN_APP: app })
  only(yield* run(["migrate", "--json"]))
  const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
  return { run, sql: Context.get(client, PgClient.PgClient) }
})

it.live(
  "what is paused is shown where its runs are, a drain does not wait for it, and it goes on after the resume",
  () =>
    Effect.gen(function* () {
      const { run, sql } = yield* prepared
      yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('w', true)`
      const pausing = ["pause", "--operation", "wait", "--by", "ada", "--reason", "the provider is down"]
      const paused = only(yield* run([...pausing, "--json"]))
      assert.deepInclude(paused, { operation_type: "wait", workspace_id: null, by: "ada", was_paused: false })
      assert.match((yield* run([...pausing.slice(0, -1), "again"])).stdout, /^Paused already: .* by ada: the provider/)
      const { id, priority } = only(yield* run([...waiting(0), "--priority", "high"]))
      assert.strictEqual(priority, "high")

      assert.deepInclude(only(yield* run(["work", "--drain", "--json", "--poll", "50"])), { succeeded: 0 })
      assert.match((yield* run(["runs", "list"])).stdout, / Paused — the provider is down$/m)
      const shown = only(yield* run(["runs", "show", String(id), "--json"]))
      assert.deepInclude(shown, { status: "queued", waiting_for: "resume", admission: 1 })
      assert.deepInclude(shown.pause, { by: "ada", reason: "the provider is down" })
      const page = yield* run(["runs", "show", String(id)])
      assert.match(page.stdout, /^Waits for {3}a resume: the operation wait is paused since .* UTC, by ada$/m)
      assert.match((yield* run(["doctor"])).stdout, /^warn {2}pauses {6}paused is the operation wait, by ada: /m)
      assert.match((yield* run(["pauses"])).stdout, /^wait +every .* ada +the provider is down$/m)

      const elsewhere = yield* run(["resume", "--workspace", "w", "--by", "cleo"])
      assert.match(elsewhere.stdout, /^Nothing to resume: .*\nPaused is the operation wait, since /)
      const resumed = yield* run(["resume", "--operation", "wait", "--by", "cleo"])
      assert.match(resumed.stdout, /^Resumed: the operation wait, which was paused since /)
      assert.match((yield* run(["pauses"])).stdout, /^Nothing is paused\.$/m)
      assert.deepInclude(only(yield* run(["work", "--drain", "--json", "--poll", "50"])), { succeeded: 1 })
      const records = yield* sql`SELECT action, actor FROM countersign.pause_records ORDER BY id`
      assert.deepStrictEqual(records, [
        { action: "paused", actor: "ada" },
        { action: "resumed", actor: "cleo" }
      ])
      for (const change of [
        sql`UPDATE countersign.pause_records SET actor = 'x'`,
        sql`DELETE FROM countersign.pause_records`
      ]) {
        yield* Effect.flip(change)
      }

      const misspelt = yield* run(["pause", "--operation", "wiat", "--by", "ada", "--reason", "r", "--json"])
      assert.deepInclude(JSON.parse(misspelt.stderr).error, { code: "pause.unknown_operation" })
      const nothing = yield* run(["pause", "--by", "ada", "--reason", "r", "--json"])
      assert.deepInclude(JSON.parse(nothing.stderr).error, { code: "pause.scope_invalid" })
    }).pipe(Effect.scoped)
)
