/** Messages to other programs, signed after the Standard Webhooks specification. */

export { type Endpoint, type EndpointProblem, endpointOf, webhookUrl } from "./Endpoint.ts"
export { layerEventWebhooks, type SecretsOf } from "./EventWebhooks.ts"
export { layerWebhook, type WebhookOptions } from "./WebhookChannel.ts"
