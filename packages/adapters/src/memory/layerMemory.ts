/** Every port over one state in memory. */
import type {
  AuditLog,
  Entitlements,
  Events,
  Facts,
  Fence,
  Notices,
  Pauses,
  RunBoard,
  RunQueue,
  RunStore,
  Schedules,
  UnitOfWork
} from "@countersign/domain"
import { Layer } from "effect"
import { layerAuditLog } from "./AuditLog.ts"
import { layerEntitlements } from "./Entitlements.ts"
import { layerEvents } from "./Events.ts"
import { layerFacts } from "./Facts.ts"
import { layerFence } from "./Fence.ts"
import { layerMemoryAuthority, type MemoryAuthority } from "./MemoryAuthority.ts"
import { layerMemoryState } from "./MemoryState.ts"
import { layerNotices } from "./Notices.ts"
import { layerPauses } from "./Pauses.ts"
import { layerRunBoard } from "./RunBoard.ts"
import { layerRunQueue } from "./RunQueue.ts"
import { layerRunStore } from "./RunStore.ts"
import { layerSchedules } from "./Schedules.ts"
import { layerUnitOfWork } from "./UnitOfWork.ts"

/**
 * All ports and the book of authority facts, over a state that begins empty and is gone with the layer. It keeps the same
 * laws as every adapter; what it cannot do is survive its process or be shared with another one.
 *
 * **Gotchas**
 *
 * Built twice it is two states: bind it to a constant, or share one build.
 */
export const layerMemory: Layer.Layer<
  | AuditLog
  | Entitlements
  | Events
  | Facts
  | Fence
  | MemoryAuthority
  | Notices
  | Pauses
  | RunBoard
  | RunQueue
  | RunStore
  | Schedules
  | UnitOfWork
> = Layer.mergeAll(
  layerAuditLog,
  layerEntitlements,
  layerEvents,
  layerFacts,
  layerFence,
  layerMemoryAuthority,
  layerNotices,
  layerRunBoard,
  layerPauses,
  layerRunQueue,
  layerRunStore,
  layerSchedules,
  layerUnitOfWork
).pipe(Layer.provide(layerMemoryState))
