/** A real SMTP server that keeps what it got, and refuses as a test says. */
import { Effect } from "effect"
import PostalMime, { type Email } from "postal-mime"
import { SMTPServer, type SMTPServerOptions } from "smtp-server"
import { portOf } from "./portOf.ts"

export interface Mail extends Email {
  readonly raw: string
  readonly envelope: { readonly from: string; readonly to: ReadonlyArray<string> }
}

/** Answers with an SMTP status for a recipient, or null to take the mail. */
export type Refuse = (recipient: string, count: number) => number | null

export interface MailServer {
  readonly url: string
  readonly mails: Array<Mail>
  refuse: Refuse
  readonly server: SMTPServer
}

/** Serves until the scope ends. `refuse` may be changed at any time. */
const serving = (options: SMTPServerOptions) =>
  Effect.acquireRelease(
    Effect.callback<MailServer>((resume) => {
      const mails: Array<Mail> = []
      let asked = 0
      const server = new SMTPServer({
        ...options,
        disabledCommands: ["STARTTLS"],
        authOptional: true,
        logger: false,
        onRcptTo: ({ address }, _, done) => {
          asked += 1
          const code = mailbox.refuse(address, asked)
          done(code === null ? null : Object.assign(new Error("no: token=s3cr3t"), { responseCode: code }))
        },
        onData: (stream, session, done) => {
          const chunks: Array<Buffer> = []
          stream.on("data", (chunk: Buffer) => chunks.push(chunk))
          stream.on("end", () => {
            const raw = Buffer.concat(chunks).toString("utf8")
            const { mailFrom, rcptTo } = session.envelope
            const envelope = {
              from: mailFrom === false || mailFrom === undefined ? "" : mailFrom.address,
              to: rcptTo.map(({ address }) => address)
            }
            PostalMime.parse(raw).then((parsed) => {
              mails.push({ ...parsed, raw, envelope })
              done()
            }, done)
          })
        }
      })
      let mailbox: MailServer = { url: "", mails, refuse: () => null, server }
      server.listen(0, "127.0.0.1", () => {
        mailbox = { ...mailbox, url: `smtp://127.0.0.1:${portOf(server.server)}` }
        resume(Effect.succeed(mailbox))
      })
    }),
    ({ server }) => Effect.callback<void>((resume) => server.close(() => resume(Effect.void)))
  )

/** Takes mail from whoever comes, and no login. */
export const mailServer = serving({})

/** The same, and takes any login, unencrypted as well. */
export const carelessMailServer = serving({
  allowInsecureAuth: true,
  onAuth: (_, __, done) => done(null, { user: "ada" })
})
