/** The six operations of this host, and how they are done. */
import { checkConnection, checkConnectionHandler } from "./checkConnection.ts"
import { deletePolicies, deletePoliciesHandler } from "./deletePolicies.ts"
import { restoreBackup, restoreBackupHandler } from "./restoreBackup.ts"
import { runBackup, runBackupHandler } from "./runBackup.ts"
import { syncGroups, syncGroupsHandler } from "./syncGroups.ts"
import { syncInventory, syncInventoryHandler } from "./syncInventory.ts"

export { checkConnection, deletePolicies, restoreBackup, runBackup, syncGroups, syncInventory }

/** What can be dispatched. */
export const operations = [checkConnection, syncInventory, restoreBackup, deletePolicies, syncGroups, runBackup]

/** What a worker of this host can do. */
export const handlers = [
  checkConnectionHandler,
  syncInventoryHandler,
  restoreBackupHandler,
  deletePoliciesHandler,
  syncGroupsHandler,
  runBackupHandler
]
