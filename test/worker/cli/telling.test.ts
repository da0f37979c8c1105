/** Who is told, as the command line sees it: the channels of the settings, and webhooks that were subscribed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { freshDatabase } from "../../support/postgres.ts"
import { mailServer } from "../../support/receivers/mailServer.ts"
import { freshSecret, verified, webhookReceiver } from "../../support/receivers/webhookReceiver.ts"
import { answered } from "./support/inProcess.ts"
import { run } from "./support/process.ts"

const folder = mkdtempSync(join(tmpdir(), "countersign-telling-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const source = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const appModule = (more: string) => `
import { Operation } from ${JSON.stringify(join(import.meta.dirname, "../../../packages/domain/src/index.ts"))}
import { defineApp, PromiseHandler } from ${JSON.stringify(join(import.meta.dirname, "../../../packages/worker/src/index.ts"))}
import { Schema } from ${JSON.stringify(join(import.meta.dirname, "../../../node_modules/effect/dist/index.js"))}
const note = Operation.make({ type: "note", payload: Schema.Struct({}), result: Schema.Void })
export default defineApp({ operations: [note], handlers: [PromiseHandler.fromPromise(note, async () => {})], ${more} })
`

describe("who is told", { timeout: 120_000 }, () => {
  it.live("channels that are chosen and not complete are refused, with what is missing", () =>
    Effect.gen(function* () {
      const app = source("plain.mjs", appModule(""))
      const refusal = Effect.fnUntraced(function* (notices: unknown, env: Record<string, string> = {}) {
        const config = source("settings.json", JSON.stringify({ notices }))
        const place = { DATABASE_URL: "postgres://a:topsecret@127.0.0.1:1/x" }
        const { code, stderr } = yield* answered(["work", "--no-wait", "--app", app, "--config", config], {
          ...place,
          ...env
        })
        assert.strictEqual(code, 1)
        assert.notInclude(stderr, "topsecret")
        return stderr
      })
      const email = { channels: ["email"], email: { from: "runs@example.org" } }
      assert.match(yield* refusal({ channels: ["email"] }), /no sender is named/)
      assert.match(yield* refusal(email), /knows nobody's address\n {2}give defineApp the function addressOf/)
      assert.match(yield* refusal({ channels: ["webhook"] }), /no receiver is named/)
      const webhook = { channels: ["webhook"], webhook: { url: "https://example.org", secret: "OPS" } }
      assert.match(yield* refusal(webhook), /set COUNTERSIGN_WEBHOOK_SECRET_OPS/)
      assert.match(yield* refusal({ channels: ["pigeon"] }), /not valid/)
      assert.match(yield* refusal({ channels: [] }), /not valid/)
    })
  )

  it.live("notices by e-mail and inbox, events by webhook: subscribed, delivered, listed, unsubscribed", () =>
    Effect.gen(function* () {
      const [mails, receiver, secret] = [yield* mailServer, yield* webhookReceiver, freshSecret()]
      const env = {
        DATABASE_URL: yield* freshDatabase,
        COUNTERSIGN_SMTP_URL: mails.url,
        COUNTERSIGN_WEBHOOK_SECRET_OPS: `${secret} ${freshSecret()}`,
        COUNTERSIGN_CONFIG: source(
          "email.json",
          JSON.stringify({
            notices: { channels: ["inbox", "email"], email: { from: "runs@example.org", name: "Runs" } }
          })
        ),
        COUNTERSIGN_APP: source("mail.mjs", appModule("addressOf: async (user) => user + '@example.org'"))
      }
      const did = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
        const ended = yield* answered(args, env)
        assert.strictEqual(ended.code, 0, ended.stderr)
        return ended.stdout
      })
      yield* did("migrate")
      const id = yield* did("events", "subscribe", receiver.url, "--secret", "OPS", "--type", "run.blocked")
      const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(env.DATABASE_URL), maxConnections: 1 }))
      const sql = Context.get(client, PgClient.PgClient)
      yield* sql`INSERT INTO countersign.workspaces (id, open) VALUES ('w', true)`
      yield* sql`INSERT INTO countersign.users (id, name) VALUES ('ada', 'Ada')`
      yield* did("dispatch", "note", "--workspace", "w", "--initiator", "ada", "--payload", "{}")
      const worked = yield* Effect.promise(() => run(["work", "--drain", "--poll", "20"], { env }))
      assert.strictEqual(worked.code, 0, worked.stderr)
      assert.deepStrictEqual(
        mails.mails.map(({ envelope }) => envelope.to),
        [["ada@example.org"]]
      )
      assert.deepStrictEqual(yield* sql`SELECT recipient FROM countersign.inbox`, [{ recipient: "ada" }])
      const [event] = receiver.received
      assert(event)
      assert.deepInclude(verified(event, secret), { type: "run.blocked" })
      assert.notInclude(JSON.stringify(yield* sql`SELECT * FROM countersign.event_subscriptions`), secret)
      assert.match(yield* did("events", "list"), new RegExp(`${id} +all +run\\.blocked +OPS +http.* +in order`))
      yield* did("events", "unsubscribe", id)
      assert.strictEqual(yield* did("events", "list"), "No subscriptions.")
      const again = yield* answered(["events", "unsubscribe", id], env)
      assert.match(again.stderr, /there is no subscription/)
      for (const [args, words] of [
        [["events", "subscribe", "http://example.org/", "--secret", "OPS"], /is not https/],
        [["events", "subscribe", "https://example.org/", "--secret", "o-ps"], /is not a secret's name/],
        [["events", "subscribe", "https://example.org/", "--secret", "OPS", "--type", "run.vanished"], /run\.vanished/],
        [["events", "unsubscribe", "17"], /is not a subscription's id/]
      ] as const) {
        const refused = yield* answered(args, env)
        assert.strictEqual(refused.code, 1)
        assert.match(`${refused.stderr}${refused.stdout}`, words)
      }
    }).pipe(Effect.scoped)
  )

  it.live("the doctor says which subscriber is not told, why, how much waits, and what to do", () =>
    Effect.gen(function* () {
      const env = { DATABASE_URL: yield* freshDatabase }
      assert.strictEqual((yield* answered(["migrate"], env)).code, 0)
      const client = yield* Layer.build(PgClient.layer({ url: Redacted.make(env.DATABASE_URL), maxConnections: 1 }))
      const sql = Context.get(client, PgClient.PgClient)
      const subscribe = Effect.map(
        answered(["events", "subscribe", "https://example.org/hook?token=s3cr3t", "--secret", "OPS"], env),
        ({ stdout }) => stdout
      )
      const [calm, shaky, gone] = [yield* subscribe, yield* subscribe, yield* subscribe]
      const diagnosis = (code: number) =>
        Effect.map(answered(["doctor", "--json"], env), (ended) => {
          assert.strictEqual(ended.code, code, ended.stdout)
          assert.notInclude(ended.stdout, "s3cr3t")
          const findings = ended.stdout.split("\n").map((line): Record<string, unknown> => JSON.parse(line))
          return findings.find(({ check }) => check === "events")
        })
      const waiting = (id: string, from: number, to: number) => sql`INSERT INTO countersign.event_deliveries
        SELECT ${id}::uuid, 'e' || n, 'run.failed', ${id}::uuid, 'w', '2026-01-01', '{}', '2026-01-01'
        FROM generate_series(${from}::integer, ${to}::integer) n`
      const well = { check: "events", verdict: "ok", found: "none waits to be delivered", advice: null }
      assert.deepStrictEqual(yield* diagnosis(0), well)

      yield* waiting(calm, 1, 3)
      const delivering = "a running worker delivers them; if they stay, see its log"
      assert.deepInclude(yield* diagnosis(0), { verdict: "warn", found: "3 wait to be delivered", advice: delivering })
      yield* waiting(calm, 4, 2_000)
      assert.deepInclude(yield* diagnosis(0), { verdict: "warn", found: "1000 or more wait to be delivered" })
      assert.match((yield* answered(["events", "list"], env)).stdout, /2000 to be delivered/)

      yield* waiting(shaky, 1, 7)
      yield* sql`UPDATE countersign.event_subscriptions SET failures = 12, last_problem = 'it answered 503',
        paused_until = '2026-01-01 12:30:00+00' WHERE id = ${shaky}::uuid`
      const failed = `subscription ${shaky} failed 12 times, 7 to be delivered, again at 2026-01-01 12:30:00: it answered 503`
      assert.deepStrictEqual(yield* diagnosis(0), {
        check: "events",
        verdict: "warn",
        found: failed,
        advice: `mend that, or \`countersign events unsubscribe ${shaky}\`; what is not taken for three days is given up`
      })
      yield* sql`UPDATE countersign.event_subscriptions SET failures = 1, last_problem = 'it answered 410',
        ended_at = '2026-01-01' WHERE id = ${gone}::uuid`
      assert.deepStrictEqual(yield* diagnosis(0), {
        check: "events",
        verdict: "warn",
        found: `subscription ${gone} ended: it answered 410; and 1 more, see \`countersign events list\``,
        advice: `\`countersign events unsubscribe ${gone}\` forgets it; to be told again, \`countersign events subscribe\``
      })
      assert.match(
        (yield* answered(["doctor"], env)).stdout,
        new RegExp(`^warn {2}events {6}subscription ${gone} ended: .*\\n {18}→ `, "m")
      )
      for (const id of [calm, gone]) assert.strictEqual((yield* answered(["events", "unsubscribe", id], env)).code, 0)
      assert.deepInclude(yield* diagnosis(0), { found: failed })

      yield* sql`UPDATE countersign.event_subscriptions SET paused_until = 'infinity'`
      assert.match((yield* answered(["events", "list"], env)).stderr, /the stored subscription .* cannot be read/)
      yield* sql`UPDATE countersign.event_subscriptions SET secret_name = 'o-ps', paused_until = NULL`
      const unreadable = `the stored subscription ${shaky} cannot be read`
      const forgetting = `somebody changed its row by hand: mend it, or \`countersign events unsubscribe ${shaky}\` forgets it`
      assert.deepInclude(yield* diagnosis(1), { verdict: "fail", found: unreadable, advice: forgetting })
      const { code, stderr } = yield* answered(["events", "list"], env)
      assert.strictEqual(code, 1)
      assert.include(stderr, unreadable)
      assert.include(stderr, forgetting)
      assert.strictEqual((yield* answered(["events", "unsubscribe", shaky], env)).code, 0)
      assert.strictEqual((yield* answered(["events", "list"], env)).code, 0)

      // What nobody foresaw is a finding of its own check, and the others are made.
      yield* sql`INSERT INTO countersign.pauses (operation_type, workspace_id, since, paused_by, reason)
        VALUES ('', 'w', 'infinity', 'ada', 'its time is none')`
      const { stdout } = yield* answered(["doctor"], env)
      assert.match(stdout, /^fail {2}pauses {6}something unforeseen went wrong/m)
      assert.match(stdout, /^ok {4}runs /m)
    }).pipe(Effect.scoped)
  )
})
