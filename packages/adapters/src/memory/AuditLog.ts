/** `AuditLog` in memory. */
import { AuditLog } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { MemoryState } from "./MemoryState.ts"
import { Tables } from "./Tables.ts"

/** Reads what the steps wrote, in the order they were written. */
export const layerAuditLog: Layer.Layer<AuditLog, never, MemoryState> = Layer.effect(
  AuditLog,
  Effect.map(MemoryState, ({ look }) =>
    AuditLog.of({
      recordsOf: (id) => look((tables) => Tables.recordsOf(tables, id)),
      decisionsOf: (id) => look((tables) => Tables.decisionsOf(tables, id))
    })
  )
)
