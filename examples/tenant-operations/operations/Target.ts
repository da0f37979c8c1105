/** What every operation here acts upon: a customer, through a connector. */
import type { HandlerContext } from "@countersign/worker"
import { Effect } from "effect"
import { type Connector, Connectors } from "../provider/Connector.ts"

/** The run's customer, and the way to their provider. */
export interface Target {
  readonly customerId: string
  readonly connectorId: string
  readonly connector: Connector
}

/** The target of a run. The gate lets none of these operations start without tenant and connection, so that is no case here. */
export const targetOf = Effect.fnUntraced(function* ({ tenantId, providerConnectionId }: HandlerContext) {
  if (tenantId === null || providerConnectionId === null) return yield* Effect.die("the run names no target")
  const connectors = yield* Connectors
  const target: Target = {
    customerId: tenantId,
    connectorId: providerConnectionId,
    connector: yield* connectors.of(providerConnectionId)
  }
  return target
})
