/** Provider: does the customer's provider answer? */
import { Operation } from "@countersign/domain"
import { Handler } from "@countersign/worker"
import { Clock, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { targetOf } from "./Target.ts"

/** Also while the customer is being onboarded: that is when it is needed most. */
export const checkConnection = Operation.make({
  type: "provider.connection.check",
  label: "Check the provider connection",
  capability: "connector.check",
  providerConnection: true,
  tenantStates: ["onboarding", "active"],
  payload: Schema.Struct({}),
  result: Schema.Struct({ provider: Schema.String })
})

/** Asks, and notes down what was answered. Not in the connector's own row: that is an authority fact, and this is none. */
export const checkConnectionHandler = Handler.make(checkConnection, (_, context) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { connector, connectorId } = yield* targetOf(context)
    const { provider } = yield* connector.health
    const checkedAt = new Date(yield* Clock.currentTimeMillis)
    yield* sql`INSERT INTO msp.connector_checks ${sql.insert({ connector_id: connectorId, answer: provider, checked_at: checkedAt })}
      ON CONFLICT (connector_id) DO UPDATE SET answer = EXCLUDED.answer, checked_at = EXCLUDED.checked_at`
    return { provider }
  })
)
