/** A real HTTP server that receives webhooks, keeps what it got, and answers as a test says. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Effect } from "effect"
import { Webhook } from "standardwebhooks"
import { portOf } from "./portOf.ts"

export interface Received {
  readonly method: string
  readonly path: string
  readonly id: string
  readonly headers: Record<string, string>
  readonly body: string
}

export type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

export const answering =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response.writeHead(status, headers).end("what the receiver says is none of our business: token=s3cr3t")
  }

export interface WebhookReceiver {
  readonly url: string
  readonly received: Array<Received>
  answer: Answer
  readonly close: () => void
}

/** Serves until the scope ends; `answer` may be changed at any time. */
export const webhookReceiver = Effect.acquireRelease(
  Effect.callback<WebhookReceiver>((resume) => {
    const received: Array<Received> = []
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join() : (value ?? "")
          ])
        )
        received.push({
          method: request.method ?? "",
          path: request.url ?? "",
          id: headers["webhook-id"] ?? "",
          headers,
          body: Buffer.concat(chunks).toString("utf8")
        })
        receiver.answer(request, response, received.length)
      })
    })
    let receiver: WebhookReceiver = {
      url: "",
      received,
      answer: answering(204),
      close: () => {
        server.closeAllConnections()
        server.close()
      }
    }
    server.listen(0, "127.0.0.1", () => {
      receiver = { ...receiver, url: `http://127.0.0.1:${portOf(server)}/hook` }
      resume(Effect.succeed(receiver))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** Checks the signature with the library's own receiver; throws when no signature is of this secret. */
export const verified = ({ body, headers }: Received, secret: string): unknown =>
  new Webhook(secret).verify(body, headers)

/** A signing secret that nobody else has. */
export const freshSecret = (): string =>
  `whsec_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")}`
