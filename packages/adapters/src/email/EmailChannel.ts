/** A channel that sends notices by e-mail, over SMTP. */
import {
  ChannelMisconfigured,
  DeliveryFailed,
  type Notice,
  NoticeChannel,
  plainLine,
  type UserId
} from "@countersign/domain"
import { Effect, Layer, Predicate, Redacted, Schema } from "effect"
import { isThisMachine } from "../isThisMachine.ts"
import { emailOf } from "./emailOf.ts"

/** The address book could not be asked; the notice is delivered later. */
export class NoAddressKnown extends Schema.TaggedError<NoAddressKnown>()("NoAddressKnown", {
  problem: Schema.String
}) {}

/** Answers with a person's e-mail address, or null for somebody who gets no e-mail. The host's to give. */
export type AddressBook = (recipient: UserId) => Effect.Effect<string | null, NoAddressKnown>

/** Where e-mail is sent from and to. */
export interface EmailOptions {
  /**
   * `smtp://user:password@host:587` or `smtps://…:465`. With a password, `smtp:` insists on STARTTLS unless the host is this
   * machine.
   */
  readonly smtp: Redacted.Redacted
  readonly from: { readonly address: string; readonly name?: string }
  readonly addressOf: AddressBook
}

const CHANNEL = "email"
const CONNECT_MILLIS = 5_000
const ANSWER_MILLIS = 6_000

/** One mailbox, bare: nothing that a header or an SMTP command could take for more than that. */
const Address = Schema.String.check(
  Schema.isPattern(/^[^\s\p{Cc}@<>()[\]\\,;:"]{1,64}@[^\s\p{Cc}@<>()[\]\\,;:"]{1,189}$/u, {
    expected: "one e-mail address"
  })
)
const isAddress = Schema.is(Address)

const misconfigured = (problem: string, advice: string) =>
  new ChannelMisconfigured({ channel: CHANNEL, problem, advice })

const failed = (problem: string) => new DeliveryFailed({ channel: CHANNEL, problem })

/** What went wrong, without the server's own words: they may repeat what was sent. */
const problemOf = (error: unknown): string => {
  const code = Predicate.hasProperty(error, "responseCode") ? error.responseCode : undefined
  if (typeof code === "number") return `the mail server refused it with ${code}`
  const name = Predicate.hasProperty(error, "code") ? error.code : undefined
  return typeof name === "string"
    ? `the mail server could not be used (${plainLine(name, 40)})`
    : "it could not be sent"
}

const transportOf = Effect.fnUntraced(function* (smtp: Redacted.Redacted) {
  const url = URL.parse(Redacted.value(smtp))
  if (url === null || !["smtp:", "smtps:"].includes(url.protocol) || url.hostname === "") {
    return yield* misconfigured(
      "the mail server's address is not an SMTP URL",
      "it looks like smtps://user:password@mail.example.org:465"
    )
  }
  // Loaded by those who send e-mail, and by nobody else: it is a tenth of what a command would load.
  const { createTransport } = yield* Effect.promise(() => import("nodemailer"))
  return yield* Effect.acquireRelease(
    Effect.sync(() =>
      createTransport({
        url: url.href,
        pool: true,
        maxConnections: 2,
        requireTLS: url.protocol === "smtp:" && url.password !== "" && !isThisMachine(url),
        connectionTimeout: CONNECT_MILLIS,
        greetingTimeout: CONNECT_MILLIS,
        socketTimeout: ANSWER_MILLIS,
        disableFileAccess: true,
        disableUrlAccess: true
      })
    ),
    (transport) => Effect.sync(() => transport.close())
  )
})

/**
 * Sends each notice to its recipient's address. The `Message-ID` follows from the run's id: a message that is sent twice, after a
 * crash, is recognisable. Somebody without an address has been told nothing, and is not asked about again.
 *
 * Fails as `ChannelMisconfigured` when the server's or the sender's address makes no sense; nothing is sent to find that out.
 */
export const layerEmail = ({ smtp, from, addressOf }: EmailOptions): Layer.Layer<NoticeChannel, ChannelMisconfigured> =>
  Layer.effect(
    NoticeChannel,
    Effect.gen(function* () {
      if (!isAddress(from.address)) {
        return yield* misconfigured("the sender is not an e-mail address", "give one such as runs@example.org")
      }
      const transport = yield* transportOf(smtp)
      const domain = from.address.slice(from.address.lastIndexOf("@") + 1)
      const sender = { address: from.address, name: plainLine(from.name ?? "", 200) }

      const deliver = Effect.fnUntraced(function* (notice: Notice) {
        const address = yield* Effect.mapError(addressOf(notice.recipient), () =>
          failed("the address book could not be asked")
        )
        if (address === null) return yield* Effect.logDebug(`run ${notice.runId}: the recipient has no e-mail address`)
        if (!isAddress(address)) return yield* failed("the address book's answer is not one e-mail address")
        yield* Effect.tryPromise({
          try: (signal) =>
            transport.sendMail({
              ...emailOf(notice),
              // Whoever gives the delivery up leaves none behind that goes on, or waits to, beside the next one.
              signal,
              from: sender,
              to: { name: "", address },
              messageId: `<${notice.runId}@${domain}>`,
              date: new Date(notice.completedAtMillis),
              headers: { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" }
            }),
          catch: (error) => failed(problemOf(error))
        })
      })
      return NoticeChannel.of({ deliver })
    })
  )
