/** Scheduled backup: the customer's policies into a file. No person is behind it. */
import { Operation } from "@countersign/domain"
import { Handler } from "@countersign/worker"
import { Clock, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Vault } from "../backups/Vault.ts"
import type { Connector, Item, Page } from "../provider/Connector.ts"
import { targetOf } from "./Target.ts"

/** The only operation here that may run under system authority, and it asks for no capability. */
export const runBackup = Operation.make({
  type: "backup_schedule_run",
  label: "Run the scheduled backup",
  systemAuthority: true,
  providerConnection: true,
  payload: Schema.Struct({}),
  result: Schema.Struct({ backupId: Schema.String, policies: Schema.Int }),
  countKeys: ["policies"]
})

/** The backup has the run's id: a second attempt writes the same backup, not another one. */
export const runBackupHandler = Handler.make(runBackup, (_, context) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const vault = yield* Vault
    const { connector, customerId } = yield* targetOf(context)
    const policies = yield* allPolicies(connector)
    yield* context.reportCounts({ policies: policies.length })
    // What took a while to fetch is not kept on an authority that is gone by now.
    yield* context.checkpoint
    const backup = {
      id: context.runId,
      customer_id: customerId,
      sha256: yield* vault.write(context.runId, policies),
      policies: policies.length,
      taken_at: new Date(yield* Clock.currentTimeMillis)
    }
    yield* sql`INSERT INTO msp.backups ${sql.insert(backup)} ON CONFLICT (id)
      DO UPDATE SET sha256 = EXCLUDED.sha256, policies = EXCLUDED.policies, taken_at = EXCLUDED.taken_at`
    return { backupId: backup.id, policies: backup.policies }
  })
)

const allPolicies = Effect.fnUntraced(function* (connector: Connector) {
  const all: Array<Item> = []
  let after: string | null = ""
  while (after !== null) {
    const page: Page = yield* connector.policies(after)
    all.push(...page.items)
    after = page.next
  }
  return all
})
