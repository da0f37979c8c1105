/**
 * Port: what a person belongs to. `Facts` answers about one workspace and one tenant at a time; a list has to know all of them
 * beforehand.
 */
import { Context, type Effect } from "effect"
import type { TenantId, UserId, WorkspaceId } from "../Ids.ts"
import type { FactsUnavailable } from "./Facts.ts"

/** What a person belongs to, each in the order of ids. */
export interface Belonging {
  /** The workspaces they are a member of. */
  readonly workspaces: ReadonlyArray<WorkspaceId>
  /** The tenants they are entitled to, in whatever workspace. */
  readonly tenants: ReadonlyArray<TenantId>
}

/** Answers from the same source as `Facts`. */
export class Entitlements extends Context.Service<
  Entitlements,
  {
    readonly of: (user: UserId) => Effect.Effect<Belonging, FactsUnavailable>
  }
>()("@countersign/domain/Entitlements") {}
