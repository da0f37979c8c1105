/** Notices by webhook, against a real HTTP server that checks signatures with the library, and fails on purpose. */
import { layerWebhook } from "@countersign/adapters"
import { type Notice, NoticeChannel } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { hostileNotice, notice } from "../../support/receivers/hostileNotice.ts"
import { answering, freshSecret, verified, webhookReceiver } from "../../support/receivers/webhookReceiver.ts"

const posting = (url: string, secrets: ReadonlyArray<string>, one: Notice = notice) =>
  Effect.flatMap(NoticeChannel, ({ deliver }) => deliver(one, [])).pipe(
    Effect.provide(layerWebhook({ url, secrets: secrets.map((secret) => Redacted.make(secret)) }), { local: true })
  )

const refused = (url: string, secrets: ReadonlyArray<string>) =>
  Effect.map(Effect.flip(posting(url, secrets)), (error) => {
    if (error._tag !== "DeliveryFailed") return assert.fail(error.message)
    assert.notInclude(`${error.message}${JSON.stringify(error)}`, "s3cr3t")
    return error
  })

describe("webhook", () => {
  it.live("posts a notice that the library's receiver verifies", () =>
    Effect.gen(function* () {
      const [receiver, secret] = [yield* webhookReceiver, freshSecret()]
      yield* posting(receiver.url, [secret])
      const [got] = receiver.received
      assert(got)
      assert.deepStrictEqual([got.method, got.path, got.id], ["POST", "/hook", `notice_${notice.runId}`])
      assert.strictEqual(got.headers["content-type"], "application/json")
      assert.deepStrictEqual(verified(got, secret), {
        type: "notice.created",
        timestamp: "2026-01-02T03:04:05.000Z",
        data: {
          run_id: notice.runId,
          recipient: "ada",
          workspace_id: "north",
          tenant_id: "contoso",
          operation_type: "inventory_sync",
          outcome: "blocked",
          badge: { label: "Blocked", tone: "warning" },
          title: notice.title,
          message: notice.message,
          next_steps: notice.nextSteps
        }
      })
      assert.throws(() => verified({ ...got, body: `${got.body} ` }, secret))
      assert.throws(() => verified(got, freshSecret()))
    }).pipe(Effect.scoped)
  )

  it.live(
    "while a secret is changed, those who know either can verify; afterwards only those who know the new one",
    () =>
      Effect.gen(function* () {
        const [receiver, old, next] = [yield* webhookReceiver, freshSecret(), freshSecret()]
        yield* posting(receiver.url, [next, old])
        yield* posting(receiver.url, [next])
        const [during, after] = receiver.received
        assert(during && after)
        verified(during, old)
        verified(during, next)
        verified(after, next)
        assert.throws(() => verified(after, old))
        assert.lengthOf((during.headers["webhook-signature"] ?? "").split(" "), 2)
      }).pipe(Effect.scoped)
  )

  it.live("every answer but 2xx is a failure that says what it was, and is sent again under the same id", () =>
    Effect.gen(function* () {
      const [receiver, secret] = [yield* webhookReceiver, freshSecret()]
      for (const status of [400, 401, 404, 410, 429, 500, 502, 503]) {
        receiver.answer = answering(status)
        assert.strictEqual((yield* refused(receiver.url, [secret])).problem, `the receiver answered ${status}`)
      }
      receiver.answer = (_, response) => response.destroy()
      assert.match((yield* refused(receiver.url, [secret])).problem, /could not be reached \(\w+\)/)
      receiver.answer = answering(200)
      yield* posting(receiver.url, [secret])
      assert.deepStrictEqual(new Set(receiver.received.map(({ id }) => id)), new Set([`notice_${notice.runId}`]))
      assert.lengthOf(receiver.received, 10)
      for (const got of receiver.received) verified(got, secret)
    }).pipe(Effect.scoped)
  )

  it.live("a redirect is not followed, wherever it leads", () =>
    Effect.gen(function* () {
      const [receiver, elsewhere, secret] = [yield* webhookReceiver, yield* webhookReceiver, freshSecret()]
      for (const status of [301, 302, 307, 308]) {
        receiver.answer = answering(status, { location: elsewhere.url })
        assert.match((yield* refused(receiver.url, [secret])).problem, /redirects are not followed/)
      }
      assert.lengthOf(elsewhere.received, 0)
    }).pipe(Effect.scoped)
  )

  it.live("a receiver that asks for a rest is given it, a day at most", () =>
    Effect.gen(function* () {
      const [receiver, secret] = [yield* webhookReceiver, freshSecret()]
      const rest = Effect.fnUntraced(function* (header: string) {
        receiver.answer = answering(429, { "retry-after": header })
        return (yield* refused(receiver.url, [secret])).retryAfterMillis
      })
      assert.strictEqual(yield* rest("120"), 120_000)
      assert.strictEqual(yield* rest("999999999"), 86_400_000)
      assert.strictEqual(yield* rest("Wed, 21 Oct 2015 07:28:00 GMT"), 0)
      assert.strictEqual(yield* rest("Fri, 01 Jan 2500 00:00:00 GMT"), 86_400_000)
      for (const nonsense of ["-1", "soon", "1e3"]) assert.isUndefined(yield* rest(nonsense))
    }).pipe(Effect.scoped)
  )

  it.live(
    "one that hangs, before or within its answer, or answers without end, holds nothing up",
    () =>
      Effect.gen(function* () {
        const [receiver, secret] = [yield* webhookReceiver, freshSecret()]
        receiver.answer = () => {}
        assert.match((yield* refused(receiver.url, [secret])).problem, /took longer than \d+ ms/)
        receiver.answer = (_, response) => {
          response.writeHead(200)
          const more = () => {
            while (!response.destroyed && response.write("x".repeat(65_536)));
          }
          response.on("drain", more)
          more()
        }
        yield* posting(receiver.url, [secret])
      }).pipe(Effect.scoped),
    20_000
  )

  it.live("hostile text arrives as it is, as text", () =>
    Effect.gen(function* () {
      const [receiver, secret] = [yield* webhookReceiver, freshSecret()]
      yield* posting(receiver.url, [secret], hostileNotice)
      const [got] = receiver.received
      assert(got)
      assert.include(JSON.stringify(verified(got, secret)), JSON.stringify(hostileNotice.title))
      assert.deepStrictEqual(
        Object.keys(got.headers)
          .filter((name) => name.startsWith("webhook-"))
          .sort(),
        ["webhook-id", "webhook-signature", "webhook-timestamp"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("addresses and secrets that make no sense are refused when the channel is made, unsaid", () =>
    Effect.gen(function* () {
      const refusal = (url: string, secrets: ReadonlyArray<string>) =>
        Effect.map(
          Effect.flip(
            Effect.scoped(Layer.build(layerWebhook({ url, secrets: secrets.map((one) => Redacted.make(one)) })))
          ),
          ({ message }) => message
        )
      const secret = freshSecret()
      assert.match(yield* refusal("example.org/hook", [secret]), /is not a URL/)
      assert.match(yield* refusal("http://example.org/hook", [secret]), /is not https/)
      assert.match(yield* refusal("ftp://localhost/hook", [secret]), /is not https/)
      for (const login of ["ada:s3cr3t", "ada", ":s3cr3t"]) {
        const message = yield* refusal(`https://${login}@example.org/`, [secret])
        assert.match(message, /holds a user or password: leave it out/)
      }
      for (const weak of ["", "s3cr3t", "whsec_c2hvcnQ=", `whsec_${"§".repeat(40)}`]) {
        const message = yield* refusal("https://example.org/", [weak])
        assert.match(message, /a signing secret is not base64/)
        if (weak !== "") assert.notInclude(message, weak)
      }
      assert.match(yield* refusal("https://example.org/", []), /0 signing secrets/)
      assert.match(yield* refusal("https://example.org/", Array(5).fill(secret)), /5 signing secrets/)
    })
  )
})
