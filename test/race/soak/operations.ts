/** What is dispatched in the soak: one operation for each way a run can go. */
import { Catalogue, Operation } from "@countersign/domain"
import { Schema } from "effect"

const Numbered = Schema.Struct({ number: Schema.Int })

/** Reads; is tried three times. */
export const sync = Operation.make({
  type: "soak.sync",
  capability: "inventory.sync",
  providerConnection: true,
  payload: Numbered,
  result: Schema.Void,
  attempts: { maxAttempts: 3, backoffMillis: 1_000, timeoutMillis: 30_000 },
  queuedLimitMillis: 120_000
})

/** Writes in chunks, and counts; a few at a time. */
export const bulk = Operation.make({
  type: "soak.bulk",
  capability: "policy.delete",
  writes: true,
  payload: Numbered,
  result: Schema.Void,
  countKeys: ["deleted"],
  concurrency: { total: 6, perTenant: 2 }
})

/** Would rather wait than be blocked. */
export const patient = Operation.make({
  type: "soak.patient",
  capability: "restore.execute",
  writes: true,
  payload: Numbered,
  result: Schema.Void,
  hold: { retryMillis: 10_000, deadlineMillis: 45_000 }
})

/** Nobody is behind it: it is dispatched, and scheduled. */
export const backup = Operation.make({
  type: "soak.backup",
  systemAuthority: true,
  payload: Numbered,
  result: Schema.Void
})

/** What people dispatch. */
export const personal = [sync, bulk, patient]

export const catalogue = Catalogue.make([...personal, backup])
