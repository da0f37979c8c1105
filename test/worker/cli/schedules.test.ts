/** Schedules at the command line: every command, what it shows, and what it refuses. In this process: no command here is stopped. */
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../../support/postgres.ts"
import { type Answered, answered } from "./support/inProcess.ts"

const app = join(import.meta.dirname, "support/app.ts")
/** Where clocks are never set: nine o'clock there is half past three in UTC. */
const ZONE = "Asia/Kolkata"

const only = ({ code, stdout, stderr }: Answered): Record<string, unknown> => {
  assert.strictEqual(code, 0, stderr)
  return JSON.parse(stdout)
}

const lines = ({ code, stdout, stderr }: Answered): ReadonlyArray<string> => {
  assert.strictEqual(code, 0, stderr)
  return stdout === "" ? [] : stdout.split("\n")
}

const refusal = ({ code, stdout, stderr }: Answered): { readonly code: string; readonly told: string } => {
  assert.deepStrictEqual([code, stdout], [1, ""])
  const { error } = JSON.parse(stderr)
  return { code: error.code, told: `${error.problem}: ${error.advice}` }
}

/** A migrated database with people, and the command line of its host. */
const prepared = Effect.gen(function* () {
  const url = yield* freshDatabase
  const run = (...args: ReadonlyArray<string>) =>
    answered(["schedules", ...args], { DATABASE_URL: url, COUNTERSIGN_APP: app })
  only(yield* answered(["migrate", "--json"], { DATABASE_URL: url }))
  const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 1 }))
  const sql = Context.get(client, PgClient.PgClient)
  yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('north', true)`
  yield* sql`INSERT INTO countersign.users (id, name, disabled) VALUES ('ada', 'Ada', false), ('ben', 'Ben', false)`
  yield* sql`INSERT INTO countersign.roles (workspace_id, role) VALUES ('north', 'member')`
  yield* sql`INSERT INTO countersign.memberships (workspace_id, user_id, role)
    VALUES ('north', 'ada', 'member'), ('north', 'ben', 'member')`
  yield* sql`INSERT INTO countersign.tenants (id, workspace_id, state) VALUES ('contoso', 'north', 'active')`
  yield* sql`INSERT INTO countersign.tenant_entitlements (user_id, tenant_id) VALUES ('ada', 'contoso')`
  return { run, sql }
})

/** `schedules add`, with other words in place of these or none (`null`). */
const adding = (id: string, changed: Record<string, string | null> = {}, type = "wait") => [
  "add",
  id,
  type,
  ...Object.entries({
    "--cron": "0 9 1 * *",
    "--zone": ZONE,
    "--workspace": "north",
    "--tenant": "contoso",
    "--by": "ada",
    "--payload": '{"millis":0}',
    ...changed
  }).flatMap(([flag, value]) => (value === null ? [] : [flag, value]))
]

const byAda = { id: "ada", name: null }

it.live("a schedule's life: added, shown, listed, paused, resumed, given to another, removed", () =>
  Effect.gen(function* () {
    const { run } = yield* prepared
    assert.deepStrictEqual(lines(yield* run("list")), ["No schedules."])
    assert.deepStrictEqual(lines(yield* run("list", "--json")), [])

    const { next_slots: slots, created_at: at, ...added } = only(yield* run(...adding("report"), "--json"))
    assert.deepStrictEqual(added, {
      id: "report",
      type: "wait",
      workspace_id: "north",
      tenant_id: "contoso",
      provider_connection_id: null,
      cron: "0 9 1 * *",
      zone: ZONE,
      missed: "once",
      state: "active",
      paused_at: null,
      last_slot: null,
      problem: null,
      owner: byAda,
      created_by: byAda
    })
    assert(typeof at === "string" && Array.isArray(slots) && slots.length === 5)
    for (const slot of slots) {
      assert.match(slot, /^\d{4}-\d\d-01T03:30:00\.000Z$/)
      assert.isAbove(Date.parse(slot), Date.parse(at))
    }
    assert.deepStrictEqual(only(yield* run("show", "report", "--json")), {
      ...added,
      next_slots: slots,
      created_at: at
    })

    const page = lines(yield* run("show", "report"))
    const inBoth = slots.map((slot: string) => `${slot.slice(0, 10)} 09:00 +05:30 (${slot.slice(0, 10)} 03:30:00 UTC)`)
    const [day, second] = [at.slice(0, 10), at.slice(11, 19)]
    assert.deepStrictEqual(page, [
      "wait for tenant contoso in workspace north",
      "schedule report",
      "",
      "Active",
      `When        0 9 1 * *, in ${ZONE}`,
      "            However many slots were missed, one run makes up for them.",
      ...inBoth.map((both: string, index: number) => `${index === 0 ? "Next" : "    "}        ${both}`),
      "Last        none yet",
      "",
      "Owner       ada",
      `Made by     ada, ${day} ${second} UTC`
    ])

    only(yield* run(...adding("yearly", { "--cron": "@yearly", "--zone": null, "--missed": "all:3" }), "--json"))
    const table = lines(yield* run("list"))
    assert.match(table[0] ?? "", /^Schedule +When +Zone +Operation +Workspace +Tenant +Owner +Next \(UTC\) +State$/)
    assert.match(
      table[1] ?? "",
      /^report +0 9 1 \* \* +Asia\/Kolkata +wait +north +contoso +ada +\d{4}-\d\d-\d\d 03:30:00 +Active$/
    )
    assert.match(table[2] ?? "", /^yearly +@yearly +UTC +wait +north +contoso +ada +\d{4}-01-01 00:00:00 +Active$/)
    const firstPage = yield* run("list", "--limit", "1")
    assert.match(firstPage.stderr, /There may be more: add --after report/)
    const ids = (answer: Answered) => lines(answer).map((line) => JSON.parse(line).id)
    assert.deepStrictEqual(ids(yield* run("list", "--after", "report", "--json")), ["yearly"])
    assert.deepStrictEqual(ids(yield* run("list", "--workspace", "south", "--json")), [])

    const paused = only(yield* run("pause", "report", "--json"))
    assert.deepInclude(paused, { state: "paused", next_slots: [] })
    assert.strictEqual(typeof paused.paused_at, "string")
    assert.deepStrictEqual(only(yield* run("pause", "report", "--json")), paused)
    assert.match((yield* run("show", "report")).stdout, /^Paused$[\s\S]*^Next +none: paused since .* UTC$/m)
    assert.match((yield* run("list")).stdout, /^report .* – +Paused$/m)
    assert.deepInclude(only(yield* run("resume", "report", "--json")), { state: "active", next_slots: slots })
    assert.match((yield* run("resume", "report")).stdout, /^Active$/m)

    const refused = refusal(yield* run("transfer", "report", "--to", "ben", "--json"))
    assert.strictEqual(refused.code, "schedule.no_access")
    assert.deepInclude(only(yield* run("transfer", "yearly", "--to", "ada", "--to-name", "Ada", "--json")), {
      owner: { id: "ada", name: "Ada" },
      created_by: byAda
    })
    assert.match((yield* run("show", "yearly")).stdout, /^Owner +Ada \(ada\)\nMade by +ada, /m)

    assert.deepStrictEqual(only(yield* run("remove", "report", "--json")), { id: "report", removed: true })
    assert.deepStrictEqual(lines(yield* run("remove", "yearly")), ["Schedule yearly is removed; its runs stay."])
    assert.deepStrictEqual(lines(yield* run("list")), ["No schedules."])
  }).pipe(Effect.scoped)
)

it.live("what is refused says what to do, and changes nothing", () =>
  Effect.gen(function* () {
    const { run, sql } = yield* prepared
    const kept = only(yield* run(...adding("kept"), "--json"))
    const refusals: ReadonlyArray<readonly [code: string, told: string, args: ReadonlyArray<string>]> = [
      ["schedule.exists", "choose another id, or remove it first", adding("kept", { "--cron": "@daily" })],
      ["schedule.zone_unknown", "name one such as Europe/Berlin", adding("new", { "--zone": "Mars/Olympus" })],
      ["schedule.never_fires", "does not fire within eight years", adding("new", { "--cron": "0 0 30 2 *" })],
      ["schedule.cron_invalid", "write minute, hour", adding("new", { "--cron": "daily" })],
      ["schedule.cron_invalid", "there are @hourly, @daily", adding("new", { "--cron": "@dayly" })],
      ["argument.invalid", "say skip, once, or all:N", adding("new", { "--missed": "all" })],
      ["schedule.payload_invalid", "millis", adding("new", { "--payload": '{"millis":"soon"}' })],
      ["schedule.unknown_operation", "wiat", adding("new", {}, "wiat")],
      ["schedule.system_authority_not_declared", "must declare systemAuthority", adding("new", {}, "file.write")],
      ["schedule.no_access", "nobody of this id is known", adding("new", { "--by": "nobody" })],
      [
        "schedule.no_access",
        "ben cannot answer for it: the person has no access to the tenant",
        adding("new", { "--by": "ben" })
      ],
      ["schedule.no_access", "there is no such workspace", adding("new", { "--workspace": "south", "--tenant": null })],
      ["schedule.id_invalid", "the schedule's id is not valid", adding("")],
      ["schedule.no_access", "nobody of this id is known", ["transfer", "kept", "--to", "nobody"]],
      [
        "schedule.no_access",
        "Ben (ben) cannot answer for it: the person has no access to the tenant",
        ["transfer", "kept", "--to", "ben", "--to-name", "Ben"]
      ],
      ...["show", "pause", "resume", "remove"].map((command): readonly [string, string, ReadonlyArray<string>] => [
        "schedule.not_found",
        "see `countersign schedules list`",
        [command, "nobody's"]
      ]),
      ["schedule.not_found", "there is no schedule nobody's", ["transfer", "nobody's", "--to", "ada"]],
      ["argument.invalid", "is not a valid id", ["pause", "a\nb"]]
    ]
    for (const [code, told, args] of refusals) {
      const refused = refusal(yield* run(...args, "--json"))
      assert.strictEqual(refused.code, code, args.join(" "))
      assert.include(refused.told, told)
    }
    const notJson = yield* run(...adding("new", { "--payload": "{millis}" }), "--json")
    assert.notStrictEqual(notJson.code, 0)
    assert.deepStrictEqual(only(yield* run("list", "--json")), kept)
    const inWords = yield* run(...adding("new", { "--by": "ben" }))
    assert.strictEqual(inWords.code, 1)
    assert.include(inWords.stderr, "ben cannot answer for it: the person has no access to the tenant")
    assert.notMatch(inWords.stderr, /\n +at /)
    assert.deepStrictEqual(yield* sql`SELECT count(*)::int AS runs FROM countersign.runs`, [{ runs: 0 }])
  }).pipe(Effect.scoped)
)
