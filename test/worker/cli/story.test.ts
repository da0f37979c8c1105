/** A host's day at the command line, against a real server: migrate, dispatch, work, look, explain, cancel, stop. */
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../../support/postgres.ts"
import { type Circumstances, command, type Ended, jsonLines, run as runProcess, start } from "./support/process.ts"
import { waiting } from "./support/waiting.ts"

const folder = mkdtempSync(join(tmpdir(), "countersign-story-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const app = join(import.meta.dirname, "support/app.ts")

const run = (args: ReadonlyArray<string>, circumstances?: Circumstances): Effect.Effect<Ended> =>
  Effect.promise(() => runProcess(args, circumstances))

const only = (ended: Ended): Record<string, unknown> => {
  assert.strictEqual(ended.code, 0, ended.stderr)
  const [line, ...more] = jsonLines(ended)
  assert.deepStrictEqual(more, [])
  return line ?? assert.fail("nothing was answered")
}

/** A migrated database, a client of it, and the environment of its host. */
const prepared = Effect.gen(function* () {
  const url = yield* freshDatabase
  const env = { DATABASE_URL: url, COUNTERSIGN_APP: app }
  only(yield* run(["migrate", "--json"], { env }))
  const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
  return { url, env, sql: Context.get(client, PgClient.PgClient) }
})

describe("the command line against a server", { timeout: 240_000 }, () => {
  it.live("migrate, dispatch, work --drain, runs show: a real operation does real work", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase
      const env = { DATABASE_URL: url, COUNTERSIGN_APP: app }
      const unwell = yield* run(["doctor", "--json"], { env })
      assert.strictEqual(unwell.code, 1)
      assert.deepInclude(jsonLines(unwell).at(-1), { check: "schema", verdict: "fail" })

      const first = only(yield* run(["migrate", "--json"], { env }))
      assert.strictEqual(first.from, 0)
      const second = yield* run(["migrate"], { env })
      assert.match(second.stdout, /is up to date at version \d+\.\n$/)
      const well = yield* run(["doctor"], { env })
      assert.strictEqual(well.code, 0, well.stdout)
      assert.notMatch(well.stdout, /^(warn|fail)/m)

      const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
      const sql = Context.get(client, PgClient.PgClient)
      yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('w', true)`
      yield* sql`INSERT INTO countersign.users (id, name) VALUES ('ada', 'Ada'), ('ben', 'Ben')`
      yield* sql`INSERT INTO countersign.memberships (workspace_id, user_id, role) VALUES ('w', 'ada', 'any')`

      const path = join(folder, "written.txt")
      const payload = JSON.stringify({ path, text: "hello" })
      const dispatch = (initiator: string, given: string) =>
        run(["dispatch", "file.write", "--workspace", "w", "--initiator", initiator, "--payload", given, "--json"], {
          env,
          stdin: payload
        })
      const dispatched = only(yield* dispatch("ada", payload))
      assert.strictEqual(dispatched.status, "queued")
      assert.isFalse(dispatched.deduped)
      const again = only(yield* dispatch("ada", "-"))
      assert.isTrue(again.deduped)
      assert.strictEqual(again.id, dispatched.id)
      const stranger = only(yield* dispatch("ben", JSON.stringify({ path, text: "never" })))

      const explained = only(yield* run(["explain", String(stranger.id), "--json"], { env }))
      assert.strictEqual(explained.basis, "facts_of_now")
      assert.deepInclude(explained.execution_legitimacy, { allowed: false, reason_code: "initiator_not_entitled" })

      const worked = yield* run(["work", "--drain", "--json", "--poll", "50"], { env })
      assert.deepInclude(only(worked), { succeeded: 1, blocked: 1, failed: 0 })
      for (const line of worked.stderr.trim().split("\n")) assert.isObject(JSON.parse(line))
      assert.strictEqual(readFileSync(path, "utf8"), "hello")

      const shown = yield* run(["runs", "show", String(stranger.id)], { env })
      assert.strictEqual(shown.code, 0, shown.stderr)
      assert.match(
        shown.stdout,
        /Blocked — the person who started it left the workspace\nWhy {9}You are no longer a member/
      )
      const record = only(yield* run(["runs", "show", String(dispatched.id), "--json"], { env }))
      assert.strictEqual(record.outcome, "succeeded")
      assert.lengthOf(Array.isArray(record.audit) ? record.audit : [], 4)
      const blocked = only(yield* run(["runs", "list", "--outcome", "blocked", "--json"], { env }))
      assert.strictEqual(blocked.id, stranger.id)
    }).pipe(Effect.scoped)
  )

  it.live("a queued run is cancelled, in somebody's name; a completed one refuses", () =>
    Effect.gen(function* () {
      const { env, sql } = yield* prepared
      const { id } = only(yield* run(waiting(0), { env }))
      const cancelled = yield* run(["runs", "cancel", String(id), "--by", "ada"], { env })
      assert.strictEqual(cancelled.stdout, `Run ${id} is cancelled.\n`)
      const again = yield* run(["runs", "cancel", String(id), "--json"], { env })
      assert.strictEqual(again.code, 1)
      assert.strictEqual(JSON.parse(again.stderr).error.code, "run.completed")
      const [record] = yield* sql`SELECT actor_id FROM countersign.audit_records WHERE action = 'run.cancelled'`
      assert.deepStrictEqual(record, { actor_id: "ada" })
    }).pipe(Effect.scoped)
  )

  it.live("a run that nobody takes is shown as likely stale, found by that, and the doctor says so", () =>
    Effect.gen(function* () {
      const { env, sql } = yield* prepared
      const { id } = only(yield* run(waiting(0), { env }))
      const fresh = only(yield* run(["runs", "list", "--json"], { env }))
      assert.deepInclude(fresh, { id, freshness: "fresh_active", problem_class: "none" })
      yield* sql`UPDATE countersign.runs SET available_at = available_at - interval '8 days'`
      const found = only(yield* run(["runs", "list", "--freshness", "likely_stale", "--json"], { env }))
      assert.deepInclude(found, { id, freshness: "likely_stale", problem_class: "active_stale_attention" })
      assert.match((yield* run(["runs", "list"], { env })).stdout, /Queued \(likely stale\)$/m)
      assert.match((yield* run(["runs", "list", "--freshness", "fresh_active"], { env })).stdout, /^No runs\.$/m)
      const shown = yield* run(["runs", "show", String(id)], { env })
      assert.match(shown.stdout, /^Getting on {2}Likely stale: .*\n {12}Needs attention: /m)
      assert.match((yield* run(["doctor"], { env })).stdout, /^warn {2}freshness {3}1 runs are likely stale/m)
    }).pipe(Effect.scoped)
  )

  it.live("SIGTERM: running work is given back, exit code 0; a second signal ends at once", () =>
    Effect.gen(function* () {
      const { env, sql } = yield* prepared
      yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('w', true)`
      const { id } = only(yield* run(waiting(600_000), { env }))
      const worker = start(["work", "--poll", "50", "--drain-timeout", "100"], { env })
      yield* Effect.promise(() => worker.says("wait: started"))
      worker.kill("SIGTERM")
      const ended = yield* Effect.promise(() => worker.ended)
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.match(ended.stdout, /1 given back/)
      const [row] = yield* sql`SELECT status, attempt, admission FROM countersign.runs WHERE id = ${String(id)}::uuid`
      assert.deepStrictEqual(row, { status: "queued", attempt: 1, admission: 2 })

      const stubborn = start(["work", "--poll", "50"], { env })
      yield* Effect.promise(() => stubborn.says("wait: started"))
      stubborn.kill("SIGINT")
      yield* Effect.promise(() => stubborn.says("stopping"))
      stubborn.kill("SIGINT")
      assert.strictEqual((yield* Effect.promise(() => stubborn.ended)).code, 130)
    }).pipe(Effect.scoped)
  )

  it.live("a wrong password, a newer schema and a dropped trigger are told in words", () =>
    Effect.gen(function* () {
      const { url, env, sql } = yield* prepared
      const wrong = new URL(url)
      wrong.password = "guessed"
      const refused = yield* run(["runs", "list", "--json", "--database", wrong.href])
      assert.strictEqual(refused.code, 1)
      assert.strictEqual(JSON.parse(refused.stderr).error.code, "database.access_refused")
      assert.notInclude(refused.stderr, "guessed")

      yield* sql`DROP TRIGGER runs_completed_stay ON countersign.runs`
      const drifted = yield* run(["doctor"], { env })
      assert.strictEqual(drifted.code, 1)
      assert.match(drifted.stdout, /fail {2}drift .*runs_completed_stay/)

      yield* sql`INSERT INTO countersign.migrations (migration_id, name) VALUES (99, 'of the future')`
      const newer = yield* run(["migrate", "--json"], { env })
      assert.strictEqual(newer.code, 1)
      assert.strictEqual(JSON.parse(newer.stderr).error.code, "schema.newer")
      const behind = yield* run(["runs", "list", "--json"], { env })
      assert.strictEqual(JSON.parse(behind.stderr).error.code, "database.schema_mismatch")
    }).pipe(Effect.scoped)
  )

  it.live("a reader that goes away early is no error", () =>
    Effect.promise(async () => {
      const printing = start(["migrate", "--print"])
      printing.closeStdout()
      const { code, stderr } = await printing.ended
      assert.strictEqual(code, 0)
      assert.strictEqual(stderr, "")
    })
  )

  it.live(
    "a host's code that throws where nobody can catch it, or never comes to an end, ends the program, in words",
    () =>
      Effect.gen(function* () {
        const file = join(folder, "throwing.mjs")
        for (const [content, code, words] of [
          ['setTimeout(() => { throw new Error("too late") }, 0); await new Promise(() => {})', "uncaught", /too late/],
          [
            "setTimeout(() => { throw Object.create(null) }, 0); await new Promise(() => {})",
            "uncaught",
            /thrown where/
          ],
          ["await new Promise(() => {})", "stuck", /waits for something that can no longer come/]
        ] as const) {
          writeFileSync(file, content)
          const ended = yield* run(["work", "--json", "--app", file, "--data", join(folder, "unused")])
          assert.strictEqual(ended.code, 1)
          assert.strictEqual(ended.stdout, "")
          const { error } = JSON.parse(ended.stderr)
          assert.strictEqual(error.code, code)
          assert.match(error.problem, words)
        }
      })
  )

  it.live("what Node itself warns of is told as JSON as well, where that was asked for", () =>
    Effect.gen(function* () {
      const typeless = mkdtempSync(join(folder, "typeless-"))
      writeFileSync(join(typeless, "package.json"), "{}")
      writeFileSync(join(typeless, "app.ts"), "export const nothing = null")
      const { code, stderr } = yield* run(["work", "--json", "--app", join(typeless, "app.ts")])
      assert.strictEqual(code, 1)
      const [warning, failure] = stderr.split("\n", 2).map((line) => JSON.parse(line))
      assert.strictEqual(warning.level, "warn")
      assert.include(warning.message, '"type": "module"')
      assert.strictEqual(failure.error.code, "app.missing")
    })
  )

  it.live.skipIf(!existsSync("/dev/full"))("results that a full disk does not take are told as a failure", () =>
    Effect.sync(() => {
      const full = openSync("/dev/full", "w")
      const { status, stderr } = spawnSync(process.execPath, [...command, "migrate", "--print"], {
        stdio: ["ignore", full, "pipe"],
        encoding: "utf8"
      })
      closeSync(full)
      assert.strictEqual(status, 1)
      assert.strictEqual(stderr, "countersign: the results could not be written\n  is the disk full?\n")
    })
  )

  it.live("a signal ends a command that is still connecting, whatever it would do afterwards", () =>
    Effect.promise(async () => {
      const silent = createServer().listen(0, "127.0.0.1")
      await once(silent, "listening")
      const address = silent.address()
      if (address === null || typeof address === "string") return assert.fail("no port")
      const url = `postgres://a:b@127.0.0.1:${address.port}/x`
      const monitor = start(["monitor", "--as", "ada", "--app", app, "--database", url])
      await once(silent, "connection")
      monitor.kill("SIGINT")
      assert.strictEqual((await monitor.ended).code, 130)
      silent.close()
    })
  )

  it.live("the settings file of the working folder is found, with paths of its own", () =>
    Effect.gen(function* () {
      writeFileSync(join(folder, "countersign.json"), JSON.stringify({ data: "./kept" }))
      const { code } = yield* run(["migrate"], { cwd: folder })
      assert.strictEqual(code, 0)
      assert.isTrue(existsSync(join(folder, "kept")))
    })
  )
})
