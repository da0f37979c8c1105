/** A channel that hands notices to a program of the host's, over HTTP, signed. */
import { ChannelMisconfigured, DeliveryFailed, type Notice, NoticeChannel, outcomeBadges } from "@countersign/domain"
import { Effect, Layer, type Redacted, Result } from "effect"
import { endpointOf } from "./Endpoint.ts"
import { post } from "./post.ts"

/** Where notices are sent, and what they are signed with. */
export interface WebhookOptions {
  /** `https:`, or `http:` to this machine. From the host's configuration, never from users: it is called as it is. */
  readonly url: string
  /** Base64, `whsec_…`; the newest first. Several while a secret is being changed: there is a signature of each. */
  readonly secrets: ReadonlyArray<Redacted.Redacted>
}

const CHANNEL = "webhook"

/** The body: names of the contract, the presenter's words. */
const bodyOf = (notice: Notice): string =>
  JSON.stringify({
    type: "notice.created",
    timestamp: new Date(notice.completedAtMillis).toISOString(),
    data: {
      run_id: notice.runId,
      recipient: notice.recipient,
      workspace_id: notice.workspaceId,
      tenant_id: notice.tenantId,
      operation_type: notice.operationType,
      outcome: notice.outcome,
      badge: outcomeBadges[notice.outcome],
      title: notice.title,
      message: notice.message,
      next_steps: notice.nextSteps
    }
  })

/**
 * Posts each notice, signed after Standard Webhooks. The `webhook-id` follows from the run's id and is the same at every retry.
 *
 * Fails as `ChannelMisconfigured` when address or secrets make no sense.
 */
export const layerWebhook = ({ url, secrets }: WebhookOptions): Layer.Layer<NoticeChannel, ChannelMisconfigured> =>
  Layer.effect(
    NoticeChannel,
    Effect.gen(function* () {
      const endpoint = yield* Result.match(endpointOf(url, secrets), {
        onFailure: (trouble) => Effect.fail(new ChannelMisconfigured({ channel: CHANNEL, ...trouble })),
        onSuccess: Effect.succeed
      })
      return NoticeChannel.of({
        deliver: (notice) =>
          Effect.mapError(
            post(endpoint, { id: `notice_${notice.runId}`, body: bodyOf(notice) }),
            ({ problem, retryAfterMillis }) =>
              new DeliveryFailed({
                channel: CHANNEL,
                problem,
                ...(retryAfterMillis === null ? {} : { retryAfterMillis })
              })
          )
      })
    })
  )
