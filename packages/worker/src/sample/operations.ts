/**
 * The sample catalogue: the six families of operations that contract section 7 names, one operation each.
 * Hosts declare their own; this one serves the demo and the acceptance cases.
 */
import { CapabilityRegistry, Catalogue, Operation } from "@countersign/domain"
import { Schema } from "effect"

/** To look at runs that write into a tenant or delete from it. */
const SENSITIVE = "runs.view_sensitive"

const Note = Schema.Struct({ note: Schema.String })

/** Checks that the tenant's provider connection answers. */
export const providerConnectionCheck = Operation.make({
  type: "provider.connection.check",
  label: "Check the provider connection",
  capability: "provider.check",
  providerConnection: true,
  tenantStates: ["onboarding", "active"],
  payload: Schema.Struct({}),
  result: Note
})

/** Reads the tenant's inventory from the provider. */
export const inventorySync = Operation.make({
  type: "inventory_sync",
  label: "Sync the inventory",
  capability: "inventory.sync",
  providerConnection: true,
  payload: Schema.Struct({ scope: Schema.NonEmptyString }),
  result: Schema.Struct({ items: Schema.Int }),
  countKeys: ["items"]
})

/** Writes a backup back into the tenant. */
export const restoreExecute = Operation.make({
  type: "restore.execute",
  label: "Restore a backup",
  capability: "restore.execute",
  viewCapability: SENSITIVE,
  providerConnection: true,
  writes: true,
  payload: Schema.Struct({ backupId: Schema.NonEmptyString }),
  result: Schema.Struct({ restored: Schema.Int }),
  countKeys: ["restored"]
})

/** Deletes many items of the tenant; only while its window for changes is open, which is a prerequisite of the host's own. */
export const policyBulkDelete = Operation.make({
  type: "policy.bulk_delete",
  label: "Delete policies in bulk",
  capability: "policy.delete",
  viewCapability: SENSITIVE,
  providerConnection: true,
  writes: true,
  prerequisites: ["change_window_open"],
  payload: Schema.Struct({ policyIds: Schema.Array(Schema.NonEmptyString) }),
  result: Schema.Struct({ deleted: Schema.Int }),
  countKeys: ["deleted", "failed"]
})

/** Reads the tenant's directory groups from the provider. */
export const directoryGroupSync = Operation.make({
  type: "directory_group_sync",
  label: "Sync the directory groups",
  capability: "directory.sync",
  providerConnection: true,
  payload: Schema.Struct({}),
  result: Schema.Struct({ groups: Schema.Int }),
  countKeys: ["groups"]
})

/** Backs the tenant up on a schedule; no person is behind it. */
export const backupScheduleRun = Operation.make({
  type: "backup_schedule_run",
  label: "Run the scheduled backup",
  systemAuthority: true,
  providerConnection: true,
  payload: Schema.Struct({}),
  result: Schema.Struct({ backedUp: Schema.Int }),
  countKeys: ["backedUp"]
})

/** The six operations as a catalogue. */
export const sampleCatalogue = Catalogue.make([
  providerConnectionCheck,
  inventorySync,
  restoreExecute,
  policyBulkDelete,
  directoryGroupSync,
  backupScheduleRun
])

/** The roles of the sample, each mapped to its capabilities. */
export const sampleRoles = CapabilityRegistry.make({
  owner: ["provider.check", "inventory.sync", "restore.execute", "policy.delete", "directory.sync", SENSITIVE],
  manager: ["provider.check", "inventory.sync", "restore.execute", "policy.delete", "directory.sync", SENSITIVE],
  operator: ["provider.check", "inventory.sync", "directory.sync"],
  readonly: [SENSITIVE]
})
