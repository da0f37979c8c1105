/** The audit commands against a real server: listed, exported as it is, made again, and a broken pipe. */
import { layerPostgres, migrate } from "@countersign/adapters"
import { blockStep, enqueued, makeWorld, written } from "@countersign/adapters/testing"
import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { freshDatabase } from "../../support/postgres.ts"
import { answered } from "./support/inProcess.ts"
import { jsonLines, run as runProcess, start } from "./support/process.ts"

const RUNS = 900

it.live(
  "list, export, replay",
  () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const env = { DATABASE_URL: url }
      const workspaceId = yield* Effect.gen(function* () {
        const world = yield* makeWorld
        const runs = yield* enqueued(
          Array.from({ length: RUNS }, () => world.dispatch({ initiatorName: "Ada \u202e[31m" }))
        )
        yield* written(runs.map((run, at) => blockStep(run, world.atMillis + at)))
        return world.workspaceId
      }).pipe(
        Effect.provide(
          layerPostgres().pipe(
            Layer.provide(Layer.effectDiscard(migrate())),
            Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 }))
          ),
          { local: true }
        )
      )
      const total = RUNS * 3

      const listed = yield* answered(["audit", "list", "--outcome", "blocked", "--limit", "2"], env)
      assert.strictEqual(listed.code, 0, listed.stderr)
      assert.match(listed.stdout, /^Position +Occurred \(UTC\) +Action .*\n\d+ .*run\.blocked +blocked/)
      assert.match(listed.stderr, /There may be more: add --after \d+/)
      assert.notInclude(listed.stdout, "\u202e")
      const none = yield* answered(["audit", "list", "--workspace", "elsewhere"], env)
      assert.strictEqual(none.stdout, "No records.")

      const exported = yield* Effect.promise(() => runProcess(["audit", "export"], { env }))
      assert.strictEqual(exported.code, 0, exported.stderr)
      const lines = jsonLines(exported)
      assert.lengthOf(lines, total)
      const positions = lines.map(({ position }) => Number(position))
      assert.deepStrictEqual(
        positions,
        positions.toSorted((a, b) => a - b)
      )
      assert.strictEqual(lines[0]?.workspace_id, workspaceId)
      assert.match(exported.stderr, new RegExp(`${total} records exported; go on with --after ${positions.at(-1)}`))

      const rest = yield* Effect.promise(() =>
        runProcess(["audit", "export", "--after", String(positions[1999]), "--action", "run.blocked"], { env })
      )
      assert.deepStrictEqual(
        jsonLines(rest),
        lines.slice(2000).filter(({ action }) => action === "run.blocked")
      )

      // Whoever reads it has had enough.
      const leaving = start(["audit", "export"], { env })
      leaving.closeStdout()
      const left = yield* Effect.promise(() => leaving.ended)
      assert.deepStrictEqual([left.code, left.stderr.includes("at ")], [0, false], left.stderr)

      const replayed = yield* answered(["audit", "replay"], env)
      assert.deepStrictEqual(
        [replayed.code, replayed.stdout],
        [0, `${RUNS} decisions made again: all came out the same.`]
      )

      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`ALTER TABLE countersign.decisions DISABLE TRIGGER ALL`
        yield* sql`UPDATE countersign.decisions SET retryable = NOT retryable
          WHERE run_id = (SELECT max(run_id::text)::uuid FROM countersign.decisions)`
      }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }), { local: true }))
      const different = yield* answered(["audit", "replay", "--json"], env)
      assert.strictEqual(different.code, 1)
      const [finding, summary] = different.stdout.split("\n").map((line) => JSON.parse(line))
      assert.deepInclude(finding, { finding: "different" })
      assert.deepStrictEqual(finding.differences, [{ part: "retryable", stored: "true", again: "false" }])
      assert.deepStrictEqual(summary, { finding: "summary", decisions: RUNS, different: 1, unreadable: 0 })

      for (const [args, words] of [
        [["audit", "list", "--from", "yesterday"], /is not a time/],
        [["audit", "list", "--from", "2026-01-01T12:00"], /with its zone/],
        [["audit", "list", "--run", "1"], /is not a run's id/],
        [["audit", "list", "--after", "-1"], /Expected: a record's position/],
        [["audit", "list", "--limit", "0"], /from 1 to 1000/],
        [["audit", "list", "--action", "run.vanished"], /run\.vanished/]
      ] as const) {
        const refused = yield* answered(args, env)
        assert.strictEqual(refused.code, 1)
        assert.match(`${refused.stderr}${refused.stdout}`, words)
      }
    }).pipe(Effect.scoped),
  120_000
)
