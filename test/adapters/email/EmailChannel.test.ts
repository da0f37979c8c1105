/** Notices by e-mail, against a real SMTP server. */
import { createServer } from "node:net"
import { type AddressBook, layerEmail, NoAddressKnown } from "@countersign/adapters"
import { type Notice, NoticeChannel } from "@countersign/domain"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted } from "effect"
import { hostileNotice, INJECTION, MARKUP, notice } from "../../support/receivers/hostileNotice.ts"
import { carelessMailServer, mailServer } from "../../support/receivers/mailServer.ts"
import { portOf } from "../../support/receivers/portOf.ts"

const from = { address: "runs@countersign.example", name: "Countersign" }
const toAda: AddressBook = () => Effect.succeed("ada@example.org")

const sending = (url: string, notices: ReadonlyArray<Notice>, addressOf: AddressBook = toAda) =>
  Effect.gen(function* () {
    const { deliver } = yield* NoticeChannel
    yield* Effect.forEach(notices, (one) => deliver(one, []), { discard: true })
  }).pipe(Effect.provide(layerEmail({ smtp: Redacted.make(url), from, addressOf }), { local: true }))

describe("e-mail", () => {
  it.live("tells the recipient alone, in HTML and in text, what the presenter says", () =>
    Effect.gen(function* () {
      const server = yield* mailServer
      yield* sending(server.url, [notice])
      assert.lengthOf(server.mails, 1)
      const [mail] = server.mails
      assert(mail)
      assert.deepStrictEqual(mail.envelope, { from: from.address, to: ["ada@example.org"] })
      assert.strictEqual(mail.subject, notice.title)
      assert.deepStrictEqual([mail.from?.address, mail.from?.name], [from.address, from.name])
      for (const part of [mail.text ?? "", mail.html ?? ""]) {
        for (const words of [notice.title, notice.message, ...notice.nextSteps, "contoso", notice.runId]) {
          assert.include(part, words)
        }
        assert.include(part, "2026-01-02 03:04:05 UTC")
      }
      assert.include(mail.html, ">Blocked</span>")
      assert.deepStrictEqual(mail.attachments, [])
      const headers = Object.fromEntries(mail.headers.map(({ key, value }) => [key, value]))
      assert.strictEqual(headers["auto-submitted"], "auto-generated")
    }).pipe(Effect.scoped)
  )

  it.live("the Message-ID follows from the run: a repetition has the same one", () =>
    Effect.gen(function* () {
      const server = yield* mailServer
      yield* sending(server.url, [notice, notice])
      assert.deepStrictEqual(
        server.mails.map(({ messageId }) => messageId),
        [1, 2].map(() => `<${notice.runId}@countersign.example>`)
      )
    }).pipe(Effect.scoped)
  )

  it.live("hostile text stays text: no markup, no further header, no turned direction, bounded", () =>
    Effect.gen(function* () {
      const server = yield* mailServer
      yield* sending(server.url, [hostileNotice])
      const [mail] = server.mails
      assert(mail)
      assert.deepStrictEqual(mail.envelope.to, ["ada@example.org"])
      assert.isUndefined(mail.bcc)
      assert.deepStrictEqual(
        mail.headers.filter(({ key }) => key === "bcc" || key === "subject").map(({ key }) => key),
        ["subject"]
      )
      assert.isAtMost(mail.subject?.length ?? 0, 200)
      const page = mail.html ?? ""
      for (const tag of ["<script", "<img", "<b>", "<h1>n"]) assert.notInclude(page, tag)
      assert.include(page, "&lt;script&gt;")
      assert.notMatch(`${page}${mail.text}${mail.subject}`, /[\u202a-\u202e\u2066-\u2069]/u)
      assert.include(mail.text, "שלום")
      assert.include(mail.text, MARKUP)
      assert.notInclude(mail.text, INJECTION)
      assert.isBelow(page.length, 20_000)
      assert.notMatch(page, /\b(src|href)=(?!x onerror)/)
    }).pipe(Effect.scoped)
  )

  it.live("a server that refuses is told without what it said; the next try goes through", () =>
    Effect.gen(function* () {
      const server = yield* mailServer
      for (const code of [550, 451]) {
        server.refuse = () => code
        const error = yield* Effect.flip(sending(server.url, [notice]))
        assert.strictEqual(error._tag === "DeliveryFailed" && error.problem, `the mail server refused it with ${code}`)
        assert.notInclude(JSON.stringify(error), "s3cr3t")
      }
      server.refuse = () => null
      yield* sending(server.url, [notice])
      assert.lengthOf(server.mails, 1)
    }).pipe(Effect.scoped)
  )

  it.live("nobody there, and a password without encryption elsewhere: not sent, and the password stays unsaid", () =>
    Effect.gen(function* () {
      const server = yield* mailServer
      const { port } = new URL(server.url)
      // No certificate, no STARTTLS: a login is refused by the server, since it offers none.
      const error = yield* Effect.flip(sending(`smtp://ada:s3cr3t@127.0.0.1:${port}`, [notice]))
      assert.notInclude(`${error}${JSON.stringify(error)}`, "s3cr3t")
      yield* Effect.callback<void>((resume) => server.server.close(() => resume(Effect.void)))
      const away = yield* Effect.flip(sending(server.url, [notice]))
      assert.match(away.message, /could not be used \(E[A-Z]+\)/)
      assert.lengthOf(server.mails, 0)
    }).pipe(Effect.scoped)
  )

  it.live("a password is told to no server elsewhere that does not encrypt, however gladly it would take it", () =>
    Effect.gen(function* () {
      const server = yield* carelessMailServer
      const { port } = new URL(server.url)
      // An address of this machine that does not look like one.
      const error = yield* Effect.flip(sending(`smtp://ada:s3cr3t@0.0.0.0:${port}`, [notice]))
      assert.match(error.message, /the mail server refused it with 500$/)
      assert.lengthOf(server.mails, 0)
      yield* sending(`smtp://ada:s3cr3t@127.0.0.1:${port}`, [notice])
      assert.lengthOf(server.mails, 1)
    }).pipe(Effect.scoped)
  )

  it.live(
    "a server that talks without end is left when the delivery is given up: it keeps no connection from others",
    () =>
      Effect.gen(function* () {
        const [greeted, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
        const server = createServer((socket) => {
          socket.on("error", () => {}).on("close", () => left.resolve())
          socket.write("220 mail.example.org\r\n")
          socket.once("data", () => {
            const talking = setInterval(() => socket.write("250-and another thing\r\n"), 10)
            socket.on("close", () => clearInterval(talking))
            greeted.resolve()
          })
        })
        yield* Effect.acquireRelease(
          Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
          () => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
        )
        const smtp = Redacted.make(`smtp://127.0.0.1:${portOf(server)}`)
        const { deliver } = Context.get(yield* Layer.build(layerEmail({ smtp, from, addressOf: toAda })), NoticeChannel)
        const delivering = yield* Effect.forkChild(deliver(notice, []))
        yield* Effect.promise(() => greeted.promise)
        yield* Fiber.interrupt(delivering)
        yield* Effect.promise(() => left.promise)
      }).pipe(Effect.scoped)
  )

  it.live("an address book that knows nobody, answers nonsense or fails", () =>
    Effect.gen(function* () {
      const server = yield* mailServer
      yield* sending(server.url, [notice], () => Effect.succeed(null))
      const nonsense = [
        "",
        "ada",
        "ada@x@y",
        "a@x, b@y",
        "Ada <ada@x>",
        "ada@x\r\nRCPT TO:<b@y>",
        `${"a".repeat(65)}@x`
      ]
      for (const answer of nonsense) {
        const error = yield* Effect.flip(sending(server.url, [notice], () => Effect.succeed(answer)))
        assert.match(error.message, /not one e-mail address/)
      }
      const broken = () => Effect.fail(new NoAddressKnown({ problem: "token=s3cr3t" }))
      const error = yield* Effect.flip(sending(server.url, [notice], broken))
      assert.match(error.message, /the address book could not be asked$/)
      assert.lengthOf(server.mails, 0)
    }).pipe(Effect.scoped)
  )

  it.live("options that make no sense are refused when the channel is made", () =>
    Effect.gen(function* () {
      const refusal = (smtp: string, address = from.address) =>
        Effect.flip(
          Effect.scoped(Layer.build(layerEmail({ smtp: Redacted.make(smtp), from: { address }, addressOf: toAda })))
        )
      for (const smtp of ["", "mail.example.org", "http://mail.example.org", "smtp:"]) {
        assert.match((yield* refusal(smtp)).message, /not an SMTP URL: it looks like smtps:/)
      }
      assert.match((yield* refusal("smtp://localhost", "nobody")).message, /the sender is not an e-mail address/)
    })
  )
})
