/** `Fence` over advisory locks; see the migration `0003_fence`. */
import { Fence, type WorkspaceId } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { workspaceOf } from "./readCells.ts"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

interface TakenRow {
  readonly workspace_id: string
  readonly epoch: bigint
}

/** Never waits: what is being changed at this moment is not in the answer. */
export const layerFence = (names: Names): Layer.Layer<Fence, never, SqlClient.SqlClient> =>
  Layer.effect(
    Fence,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const take = `SELECT workspace_id, epoch FROM ${names.q}.take_fence($1::text[])`
      return Fence.of({
        take: Effect.fnUntraced(function* (workspaces) {
          const rows = yield* during("take the fence of workspaces")(sql.unsafe<TakenRow>(take, [[...workspaces]]))
          const epochs = new Map<WorkspaceId, number>()
          for (const { workspace_id, epoch } of rows) {
            const workspaceId = workspaceOf(workspace_id)
            if (workspaceId === null) return yield* Effect.die(new Error("a fence was taken of what is no workspace"))
            epochs.set(workspaceId, Number(epoch))
          }
          return epochs
        })
      })
    })
  )
