/** `Fence` over advisory locks; see the migration `0003_fence`. */
import { Fence, WorkspaceId } from "@countersign/domain"
import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import type { Names } from "./SchemaName.ts"
import { during } from "./troubles.ts"

const Taken = Schema.Array(
  Schema.Struct({
    workspace_id: WorkspaceId,
    epoch: Schema.BigInt
  })
)
const decodeTaken = Schema.decodeUnknownEffect(Taken)

/** Never waits: what is being changed at this moment is not in the answer. */
export const layerFence = (names: Names): Layer.Layer<Fence, never, SqlClient.SqlClient> =>
  Layer.effect(
    Fence,
    Effect.map(SqlClient.SqlClient, (sql) => {
      const take = `SELECT workspace_id, epoch FROM ${names.q}.take_fence($1::text[])`
      return Fence.of({
        take: Effect.fnUntraced(function* (workspaces) {
          const rows = yield* during("take the fence of workspaces")(sql.unsafe(take, [[...workspaces]]))
          const taken = yield* Effect.orDie(decodeTaken(rows))
          return new Map(taken.map(({ workspace_id, epoch }) => [workspace_id, Number(epoch)]))
        })
      })
    })
  )
