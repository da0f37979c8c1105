/** Inventory: the customer's devices, page by page, into the host's table. */
import { Operation } from "@countersign/domain"
import { Handler } from "@countersign/worker"
import { Array as Arrays, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Page } from "../provider/Connector.ts"
import { targetOf } from "./Target.ts"

/** Reads from the provider, writes only here: no write gate. */
export const syncInventory = Operation.make({
  type: "inventory_sync",
  label: "Sync the inventory",
  capability: "inventory.sync",
  providerConnection: true,
  payload: Schema.Struct({}),
  result: Schema.Struct({ devices: Schema.Int, removed: Schema.Int }),
  countKeys: ["devices", "removed"]
})

/** Each page is stored as it comes; what no page named is removed in the end. Done twice, it comes to the same. */
export const syncInventoryHandler = Handler.make(syncInventory, (_, context) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { connector, customerId } = yield* targetOf(context)
    let devices = 0
    let after: string | null = ""
    while (after !== null) {
      const page: Page = yield* connector.devices(after)
      const rows: ReadonlyArray<Record<string, unknown>> = page.items.map(({ id, name }) => ({
        customer_id: customerId,
        device_id: id,
        name,
        run_id: context.runId
      }))
      if (Arrays.isReadonlyArrayNonEmpty(rows)) {
        yield* sql`INSERT INTO msp.devices ${sql.insert(rows)}
          ON CONFLICT (customer_id, device_id) DO UPDATE SET name = EXCLUDED.name, run_id = EXCLUDED.run_id`
      }
      devices += rows.length
      yield* context.reportCounts({ devices })
      yield* context.checkpoint
      after = page.next
    }
    const removed = yield* sql`DELETE FROM msp.devices
      WHERE customer_id = ${customerId} AND run_id <> ${context.runId} RETURNING device_id`
    const counts = { devices, removed: removed.length }
    yield* context.reportCounts(counts)
    return counts
  })
)
