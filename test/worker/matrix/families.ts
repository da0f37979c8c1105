/** The six families of contract section 7, in its order: the sample's operation of each, and what the contract says of it. */
import type { AnyOperation } from "@countersign/domain"
import {
  backupScheduleRun,
  directoryGroupSync,
  Handler,
  type HandlerContext,
  inventorySync,
  policyBulkDelete,
  providerConnectionCheck,
  restoreExecute
} from "@countersign/worker"
import { Effect } from "effect"

/** What a handler of the matrix does before it returns its result. */
export type Work = (context: HandlerContext) => Effect.Effect<void>

/** One family: a column of the matrix. */
export interface Family {
  readonly operation: AnyOperation
  readonly payload: unknown
  /** Null for the one that no person starts. */
  readonly actor: "person" | null
  /** The handler of this family's operation, doing that. */
  readonly doing: (work: Work) => Handler
}

const person = { actor: "person" } as const

/** The columns of the matrix. */
export const families: ReadonlyArray<Family> = [
  {
    ...person,
    operation: providerConnectionCheck,
    payload: {},
    doing: (work) => Handler.make(providerConnectionCheck, (_, context) => Effect.as(work(context), { note: "" }))
  },
  {
    ...person,
    operation: inventorySync,
    payload: { scope: "all" },
    doing: (work) => Handler.make(inventorySync, (_, context) => Effect.as(work(context), { items: 3 }))
  },
  {
    ...person,
    operation: restoreExecute,
    payload: { backupId: "monday" },
    doing: (work) => Handler.make(restoreExecute, (_, context) => Effect.as(work(context), { restored: 3 }))
  },
  {
    ...person,
    operation: policyBulkDelete,
    payload: { policyIds: ["a", "b", "c"] },
    doing: (work) => Handler.make(policyBulkDelete, (_, context) => Effect.as(work(context), { deleted: 3 }))
  },
  {
    ...person,
    operation: directoryGroupSync,
    payload: {},
    doing: (work) => Handler.make(directoryGroupSync, (_, context) => Effect.as(work(context), { groups: 3 }))
  },
  {
    actor: null,
    operation: backupScheduleRun,
    payload: {},
    doing: (work) => Handler.make(backupScheduleRun, (_, context) => Effect.as(work(context), { backedUp: 3 }))
  }
]
