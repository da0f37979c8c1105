/** What the sample operations do in the demo: as good as nothing, but through the same door as any other. */
import { Effect } from "effect"
import { Handler } from "../Handler.ts"
import {
  backupScheduleRun,
  directoryGroupSync,
  inventorySync,
  policyBulkDelete,
  providerConnectionCheck,
  restoreExecute
} from "../sample/operations.ts"

/** A handler for each operation of the sample catalogue. */
export const demoHandlers: ReadonlyArray<Handler> = [
  Handler.make(providerConnectionCheck, () => Effect.succeed({ note: "The provider answers." })),
  Handler.make(inventorySync, () => Effect.succeed({ items: 42 })),
  Handler.make(restoreExecute, () => Effect.succeed({ restored: 1 })),
  Handler.make(policyBulkDelete, ({ policyIds }, { checkpoint, reportCounts }) =>
    Effect.gen(function* () {
      let deleted = 0
      for (const _ of policyIds) {
        yield* checkpoint
        deleted += 1
        yield* reportCounts({ deleted })
      }
      return { deleted }
    })
  ),
  Handler.make(directoryGroupSync, () => Effect.succeed({ groups: 7 })),
  Handler.make(backupScheduleRun, () => Effect.succeed({ backedUp: 3 }))
]
