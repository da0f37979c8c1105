/** Restore: the policies of a backup back into the customer's provider. */
import { Operation } from "@countersign/domain"
import { AttemptFailed, Handler } from "@countersign/worker"
import { Array as Arrays, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { Vault } from "../backups/Vault.ts"
import { targetOf } from "./Target.ts"

/** Writes, so it passes the write gate: only a customer whose hardening was found in order in the last day. */
export const restoreBackup = Operation.make({
  type: "restore.execute",
  label: "Restore a backup",
  capability: "backup.restore",
  providerConnection: true,
  writes: true,
  payload: Schema.Struct({ backupId: Schema.NonEmptyString }),
  result: Schema.Struct({ restored: Schema.Int }),
  countKeys: ["restored"]
})

/** How many policies are written before the gate is asked again. */
const CHUNK = 3

/** Reads and verifies the whole file before anything is written. To put a policy twice is to put it once. */
export const restoreBackupHandler = Handler.make(restoreBackup, ({ backupId }, context) =>
  Effect.gen(function* () {
    const vault = yield* Vault
    const { connector, customerId } = yield* targetOf(context)
    const policies = yield* vault.read(backupId, yield* checksumOf(backupId, customerId))
    let restored = 0
    for (const some of Arrays.chunksOf(policies, CHUNK)) {
      yield* Effect.forEach(some, connector.putPolicy, { discard: true })
      restored += some.length
      yield* context.reportCounts({ restored })
      yield* context.checkpoint
    }
    return { restored }
  })
)

/** A payload is only a claim: the backup must be this customer's. */
const checksumOf = Effect.fnUntraced(function* (backupId: string, customerId: string) {
  const sql = yield* SqlClient.SqlClient
  const [backup] = yield* sql<{ readonly sha256: string }>`SELECT sha256 FROM msp.backups
    WHERE id = ${backupId} AND customer_id = ${customerId}`
  if (backup === undefined) {
    return yield* new AttemptFailed({
      code: "backup.unknown",
      message: "The customer has no such backup.",
      retry: false
    })
  }
  return backup.sha256
})
