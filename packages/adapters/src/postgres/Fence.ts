/** `Fence` over advisory locks; see the migration `0003_fence`. */
import { Fence, StoreUnavailable, type WorkspaceId } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { workspaceOf } from "./readCells.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

interface TakenRow {
  readonly workspace_id: string
  readonly epoch: bigint
  readonly sees_commits: boolean
}

const OPERATION = "take the fence of workspaces"

/** A transaction that goes on reading as of its beginning would believe facts that were revoked before it took the fence. */
const blind = () =>
  new StoreUnavailable({
    trouble: "rejected",
    operation: OPERATION,
    advice:
      "transactions must be READ COMMITTED, or a revocation would be missed: begin them so, and set default_transaction_isolation to 'read committed' for the database and the role",
    cause: new Error("the transaction does not see what is committed while it lasts")
  })

/** Never waits: what is being changed at this moment is not in the answer. Only in a transaction that is READ COMMITTED. */
export const layerFence = (names: Names): Layer.Layer<Fence, never, SqlClient.SqlClient> =>
  Layer.effect(
    Fence,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const take = `SELECT workspace_id, epoch, current_setting('transaction_isolation') LIKE 'read %' AS sees_commits
FROM ${names.q}.take_fence($1::text[])`
      return Fence.of({
        take: Effect.fnUntraced(function* (workspaces) {
          const rows = yield* during(OPERATION)(sql.unsafe<TakenRow>(take, [[...workspaces]]))
          const epochs = new Map<WorkspaceId, number>()
          for (const { workspace_id, epoch, sees_commits } of rows) {
            if (!sees_commits) return yield* blind()
            const workspaceId = workspaceOf(workspace_id)
            if (workspaceId === null) return yield* Effect.die(new Error("a fence was taken of what is no workspace"))
            epochs.set(workspaceId, Number(epoch))
          }
          return epochs
        })
      })
    })
  )
