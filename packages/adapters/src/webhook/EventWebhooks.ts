/** Events for operators, over HTTP, signed; each subscription has its own receiver. */
import { EventChannel, EventNotTaken, type SecretName, type WorkspaceEvent } from "@countersign/domain"
import { Effect, Layer, type Redacted, Result } from "effect"
import { endpointOf } from "./Endpoint.ts"
import { post } from "./post.ts"

/** The signing secrets behind a name, the newest first; empty when the name is not known here. The host's to give. */
export type SecretsOf = (name: SecretName) => Effect.Effect<ReadonlyArray<Redacted.Redacted>>

const bodyOf = ({ type, occurredAtMillis, data }: WorkspaceEvent): string =>
  JSON.stringify({ type, timestamp: new Date(occurredAtMillis).toISOString(), data })

const notTaken = (problem: string) => new EventNotTaken({ problem, retryAfterMillis: null, gone: false })

/**
 * Posts each event to its subscription's address, signed after Standard Webhooks; the `webhook-id` is the event's id and the same at
 * every retry. A subscription whose secret is not known here waits until it is.
 */
export const layerEventWebhooks = (secretsOf: SecretsOf): Layer.Layer<EventChannel> =>
  Layer.succeed(EventChannel, {
    deliver: Effect.fnUntraced(function* (event, { url, secretName }) {
      const secrets = yield* secretsOf(secretName)
      if (secrets.length === 0) return yield* notTaken(`the secret ${secretName} is not known to the worker`)
      const endpoint = endpointOf(url, secrets)
      if (Result.isFailure(endpoint)) return yield* notTaken(endpoint.failure.problem)
      yield* Effect.mapError(
        post(endpoint.success, { id: event.id, body: bodyOf(event) }),
        (trouble) => new EventNotTaken(trouble)
      )
    })
  })
