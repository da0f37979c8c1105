/** `Entitlements` in memory: from the book that answers the facts. */
import { Entitlements, type UserId } from "@countersign/domain"
import { Effect, HashMap, Layer } from "effect"
import { MemoryState } from "./MemoryState.ts"

/** Answers from the book as it is committed. Never fails. */
export const layerEntitlements: Layer.Layer<Entitlements, never, MemoryState> = Layer.effect(
  Entitlements,
  Effect.map(MemoryState, ({ look }) =>
    Entitlements.of({
      of: (user: UserId) =>
        look(({ authority }) => ({
          workspaces: Array.from(HashMap.values(authority.memberships))
            .filter(({ userId }) => userId === user)
            .map(({ workspaceId }) => workspaceId)
            .toSorted(),
          tenants: Array.from(HashMap.values(authority.entitlements))
            .filter(({ userId }) => userId === user)
            .map(({ tenantId }) => tenantId)
            .toSorted()
        }))
    })
  )
)
