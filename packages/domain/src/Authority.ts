/**
 * On whose authority a run acts. Chosen at dispatch, never inferred, never exchanged for the other.
 *
 * Contract section 2; law `system_authority_is_declared_never_inferred`.
 */
import { Schema } from "effect"
import { UserId } from "./Ids.ts"

/** Whose legitimacy counts. An actor-bound run is never taken for a system run, nor the other way round. */
export const Authority = Schema.TaggedUnion({
  /** Legitimacy is the initiator's, now. */
  ActorBound: { initiator: UserId },
  /** No person; only for operations that declare it. */
  SystemAuthority: {}
})
export type Authority = typeof Authority.Type

/** The two authority modes as they are stored and shown. */
export const AuthorityMode = Schema.Literals(["actor_bound", "system_authority"])
export type AuthorityMode = typeof AuthorityMode.Type

/** The authority of a person's run. Every claimed run passes: an id that was checked is not checked again. */
export const actorBound = (initiator: UserId): Authority => ({ _tag: "ActorBound", initiator })

/** The authority of a run that no person started. */
export const systemAuthority: Authority = Authority.cases.SystemAuthority.make({})

/** The wire name of an authority's mode. */
export const modeOf = (authority: Authority): AuthorityMode =>
  authority._tag === "ActorBound" ? "actor_bound" : "system_authority"

/** The person whose authority is asked for, or null for a system run. */
export const initiatorOf = (authority: Authority): UserId | null =>
  authority._tag === "ActorBound" ? authority.initiator : null

/** Who an audit record names as the acting party (contract section 10). */
export const ActorKind = Schema.Literals(["human", "system", "scheduled", "integration"])
export type ActorKind = typeof ActorKind.Type
