/**
 * What makes no sense, at the command line: a clear answer each time, in words and as JSON with a stable code, and nothing is changed. In
 * this process, on a database with something in it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../../support/postgres.ts"
import { type Answered, answered } from "./support/inProcess.ts"

const folder = mkdtempSync(join(tmpdir(), "countersign-bad-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const large = join(folder, "large.json")
writeFileSync(large, JSON.stringify({ path: "a", text: "x".repeat(70_000) }))
const UNKNOWN_RUN = "0190163d-8694-739b-aea5-966c26f8ad91"

const TABLES = ["runs", "decisions", "audit_records", "notices", "schedules", "pauses", "pause_records"]

/** A migrated database with Ada, a schedule of hers, a run that waits and one that is over; and the command line of its host. */
const prepared = Effect.gen(function* () {
  const url = yield* freshDatabase
  const sql = Context.get(
    yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 })),
    PgClient.PgClient
  )
  const run = (app: string, args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
    answered(args, { DATABASE_URL: url, COUNTERSIGN_APP: join(import.meta.dirname, `support/${app}.ts`), ...env })
  const done = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
    const { code, stdout, stderr } = yield* run("app", args)
    assert.strictEqual(code, 0, stderr)
    return stdout.trim()
  })
  yield* done(["migrate"])
  yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('w', true)`
  yield* sql`INSERT INTO countersign.users (id, name) VALUES ('ada', 'Ada'), ('ben', 'Ben')`
  yield* sql`INSERT INTO countersign.memberships (workspace_id, user_id, role) VALUES ('w', 'ada', 'any')`
  const dispatched = (millis: number) =>
    done(["dispatch", "wait", "--workspace", "w", "--system", "--payload", JSON.stringify({ millis })])
  const over = yield* dispatched(1)
  yield* done(["runs", "cancel", over])
  const waiting = yield* dispatched(2)
  yield* done(adding("nightly"))
  const state = Effect.map(
    Effect.forEach(TABLES, (table) =>
      sql.unsafe(
        `SELECT count(*)::integer, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM countersign.${table} t`
      )
    ),
    (found) => JSON.stringify(found)
  )
  return { run, sql, over, waiting, state }
})

const adding = (id: string, ...flags: ReadonlyArray<string>): ReadonlyArray<string> => {
  const given = { cron: "@daily", workspace: "w", by: "ada", payload: '{"millis":1}' }
  const said = Object.entries(given).filter(([name]) => !flags.includes(`--${name}`))
  return ["schedules", "add", id, "wait", ...said.flatMap(([name, value]) => [`--${name}`, value]), ...flags]
}

/** Told to a person: exit code 1, nothing on standard output, at most three lines, no stack trace. */
const refusal = ({ code, stdout, stderr }: Answered): string => {
  assert.strictEqual(code, 1, stdout)
  assert.strictEqual(stdout, "")
  assert.isAtMost(stderr.split("\n").length, 3, stderr)
  assert.notMatch(stderr, /^\s+at /m)
  return stderr
}

interface Case {
  readonly args: ReadonlyArray<string>
  readonly env?: Record<string, string>
  readonly code: string
  readonly says: RegExp
}

const dispatching = (...flags: ReadonlyArray<string>) => ["dispatch", "wait", "--workspace", "w", ...flags]

const cases = ({ over, waiting }: { readonly over: string; readonly waiting: string }): ReadonlyArray<Case> => [
  { args: adding("a", "--cron", "0 0 30 2 *"), code: "schedule.never_fires", says: /no such|never|fires/ },
  { args: adding("a", "--cron", "every day"), code: "schedule.cron_invalid", says: /every day|field/ },
  { args: adding("a", "--cron", ""), code: "schedule.cron_invalid", says: /cron/ },
  { args: adding("a", "--zone", "Mars/Olympus"), code: "schedule.zone_unknown", says: /Mars\/Olympus/ },
  { args: adding("a", "--by", "nobody"), code: "schedule.no_access", says: /nobody of this id is known/ },
  { args: adding("a", "--by", "ben"), code: "schedule.no_access", says: /no member of the workspace/ },
  { args: adding("a", "--payload", "{}"), code: "schedule.payload_invalid", says: /millis/ },
  { args: adding("nightly", "--cron", "@hourly"), code: "schedule.exists", says: /already/ },
  ...["all", "all:0", "all:-1", "all:101", "all:99999999999999999999", "never"].map((missed) => ({
    args: adding("a", "--missed", missed),
    code: "argument.invalid",
    says: /skip, once, or all:N with N from 1 to 100/
  })),
  { args: ["schedules", "transfer", "nightly", "--to", "ben"], code: "schedule.no_access", says: /no member/ },
  { args: ["schedules", "transfer", "none", "--to", "ada"], code: "schedule.not_found", says: /no schedule none/ },
  { args: ["schedules", "pause", "none"], code: "schedule.not_found", says: /no schedule none/ },
  { args: ["schedules", "resume", "none"], code: "schedule.not_found", says: /no schedule none/ },
  { args: ["schedules", "remove", "none"], code: "schedule.not_found", says: /no schedule none/ },
  { args: ["runs", "cancel", over], code: "run.completed", says: /completed already/ },
  { args: ["runs", "cancel", UNKNOWN_RUN], code: "run.not_found", says: /there is no run/ },
  { args: ["runs", "cancel", waiting, "--by", ""], code: "argument.invalid", says: /“” is not a valid id/ },
  { args: ["runs", "retry", waiting], code: "run.active", says: /is queued[\s\S]*cancel it first/ },
  { args: ["runs", "retry", UNKNOWN_RUN], code: "run.not_found", says: /there is no run/ },
  { args: ["runs", "retry", over, "--initiator", ""], code: "dispatch.id_invalid", says: /initiator/ },
  {
    args: ["dispatch", "file.write", "--workspace", "w", "--initiator", "ada", "--payload", `@${large}`],
    code: "dispatch.payload_too_large",
    says: /reference/
  },
  { args: dispatching("--system", "--payload", "{}"), code: "dispatch.payload_invalid", says: /millis/ },
  { args: dispatching("--system", "--priority", "99"), code: "usage", says: /high/ },
  { args: dispatching("--system", "--tenant", ""), code: "dispatch.id_invalid", says: /tenant/ },
  { args: ["dispatch", "wiat", "--workspace", "w", "--system"], code: "dispatch.unknown_operation", says: /wait/ },
  ...["0", "-1", "1.5", "1000001", "99999999999999999999"].map((value) => ({
    args: ["work", "--drain", `--concurrency=${value}`],
    code: "usage",
    says: /concurrency/
  })),
  ...["9", "-1", "2147483648"].flatMap((value) => [
    { args: ["work", "--drain", `--poll=${value}`], code: "usage", says: /from 10 to 2147483647/ },
    { args: ["work", "--drain", `--lease=${value}`], code: "usage", says: /from 1000 to 2147483647/ }
  ]),
  ...["-1", "2147483648"].map((value) => ({
    args: ["work", "--drain", `--drain-timeout=${value}`],
    code: "usage",
    says: /from 0 to 2147483647/
  })),
  ...["COUNTERSIGN_CONCURRENCY", "COUNTERSIGN_POLL_MILLIS", "COUNTERSIGN_LEASE_MILLIS", "COUNTERSIGN_DRAIN_MILLIS"].map(
    (name) => ({ args: ["work", "--drain"], env: { [name]: "2147483648" }, code: "settings.invalid", says: /between/ })
  ),
  { args: ["audit", "list", "--after", "-1"], code: "usage", says: /"-1"\. Expected: a record's position/ },
  ...[
    "2026-02-31",
    "2026-02-30T10:00:00Z",
    "2025-02-29",
    "2026-13-01",
    "2026-01-01T25:00Z",
    "2026-01-01T10:00",
    "",
    "now"
  ].map((from) => ({ args: ["audit", "list", "--from", from], code: "argument.invalid", says: /is not a time/ })),
  ...["runs", "schedules", "audit"].flatMap((noun) =>
    ["0", "-1", "1001", "1e99"].map((limit) => ({
      args: [noun, "list", `--limit=${limit}`],
      code: "usage",
      says: /limit/
    }))
  )
]

describe("bad input at the command line", { timeout: 120_000 }, () => {
  it.live("is answered in words and with a code, and nothing is changed", () =>
    Effect.gen(function* () {
      const world = yield* prepared
      const before = yield* world.state
      for (const { args, env, code, says } of cases(world)) {
        assert.match(refusal(yield* world.run("app", args, env)), says, args.join(" "))
        const { error } = JSON.parse(refusal(yield* world.run("app", ["--json", ...args], env)))
        assert.strictEqual(error.code, code, args.join(" "))
      }
      assert.strictEqual(yield* world.state, before)
    }).pipe(Effect.scoped)
  )

  it.live("of a handler ends its run, and says how: a count nobody declared, a result nobody could keep", () =>
    Effect.gen(function* () {
      const { run } = yield* prepared
      const endOf = Effect.fnUntraced(function* (type: string, ...flags: ReadonlyArray<string>) {
        const { stdout } = yield* run("careless", ["dispatch", type, "--workspace", "w", "--system"])
        const worked = yield* run("careless", ["work", "--drain", "--poll", "50", ...flags])
        assert.strictEqual(worked.code, 0, worked.stderr)
        if (flags.includes("--json")) for (const line of worked.stderr.split("\n")) assert.isObject(JSON.parse(line))
        return JSON.parse((yield* run("careless", ["runs", "show", stdout.trim(), "--json"])).stdout)
      })
      const miscounted = yield* endOf("miscounting")
      assert.deepInclude(miscounted, { outcome: "failed", attempt: 1 })
      assert.strictEqual(miscounted.failure_summary[0].code, "handler.invalid_counts")
      const copious = yield* endOf("copious")
      assert.deepInclude(copious, { outcome: "partially_succeeded", attempt: 1 })
      assert.strictEqual(copious.failure_summary[0].code, "handler.result_too_large")
      const speechless = yield* endOf("speechless")
      assert.deepInclude(speechless, { outcome: "failed", attempt: 1 })
      assert.strictEqual(speechless.failure_summary[0].code, "handler.failed")
      // What it logs is no reason to fail.
      assert.deepInclude(yield* endOf("talkative"), { outcome: "succeeded", attempt: 1 })
      assert.deepInclude(yield* endOf("talkative", "--json"), { outcome: "succeeded", attempt: 1 })
    }).pipe(Effect.scoped)
  )
})
