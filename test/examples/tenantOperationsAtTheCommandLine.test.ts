/** The same host from the command line, on a server, as its README says. */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { startFakeProvider } from "../../examples/tenant-operations/provider/FakeProvider.ts"
import { freshDatabase } from "../support/postgres.ts"
import { jsonLines, run } from "../worker/cli/support/process.ts"

const example = join(import.meta.dirname, "../../examples/tenant-operations")

it.live(
  "the app of tenant-operations works with the binary",
  () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* freshDatabase
      const provider = yield* startFakeProvider()
      const BACKUP_FOLDER = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "tenant-operations-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
      )
      const env = {
        DATABASE_URL,
        BACKUP_FOLDER,
        COUNTERSIGN_APP: "./app.ts",
        COUNTERSIGN_FACTS_SCHEMA: "msp_authority"
      }
      const countersign = (...args: ReadonlyArray<string>) =>
        Effect.map(
          Effect.promise(() => run([...args, "--json"], { cwd: example, env })),
          (ended) => {
            assert.strictEqual(ended.code, 0, ended.stderr)
            return jsonLines(ended)
          }
        )

      yield* countersign("migrate")
      yield* Effect.promise(() =>
        promisify(execFile)(process.execPath, ["--conditions=@countersign/source", "setUp.ts"], {
          cwd: example,
          env: { ...env, PATH: process.env.PATH, PROVIDER_URL: provider.urlOf("").replace(/\/$/, "") }
        })
      )
      const target = ["--workspace", "northwind", "--tenant", "contoso", "--connection", "contoso-connector"]
      yield* countersign("dispatch", "inventory_sync", ...target, "--initiator", "tim@northwind.example")
      yield* countersign("dispatch", "backup_schedule_run", ...target, "--system")
      // No slot of it comes while the test lasts.
      const nightly = ["--cron", "0 0 29 2 *", "--by", "tim@northwind.example"]
      yield* countersign("schedules", "add", "contoso-nightly", "backup_schedule_run", ...target, ...nightly)
      const restore = ["--initiator", "tim@northwind.example", "--payload", '{"backupId":"any"}']
      yield* countersign("dispatch", "restore.execute", ...target, ...restore)
      yield* countersign("work", "--drain")

      assert.deepStrictEqual(
        (yield* countersign("runs", "list"))
          .map(({ type, outcome, reason_code }) => [type, outcome, reason_code])
          .sort(),
        [
          ["backup_schedule_run", "succeeded", null],
          ["inventory_sync", "succeeded", null],
          // A technician may not restore.
          ["restore.execute", "blocked", "missing_capability"]
        ]
      )
      assert.strictEqual((yield* Effect.promise(() => readdir(BACKUP_FOLDER))).length, 1)
      assert.isFalse(provider.received.some(({ method }) => method === "PUT"))
    }),
  180_000
)
