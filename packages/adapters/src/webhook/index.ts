/** Messages to other programs, signed after the Standard Webhooks specification. */

export { type Endpoint, endpointOf } from "./Endpoint.ts"
export { layerWebhook, type WebhookOptions } from "./WebhookChannel.ts"
