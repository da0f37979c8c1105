/**
 * Roles are names for people; code asks for capabilities. The registry is the only place where one becomes the other.
 *
 * Contract section 7.
 */
import { Schema } from "effect"
import { HostString } from "./Ids.ts"

/** Something a member of a workspace may do, such as `inventory.sync`. */
export const Capability = HostString.pipe(Schema.brand("Capability"))
export type Capability = typeof Capability.Type

/** A role of a workspace, such as `operator`. Never compared in code. */
export const Role = HostString.pipe(Schema.brand("Role"))
export type Role = typeof Role.Type

/** Which capabilities each role carries. */
export interface CapabilityRegistry {
  readonly roles: ReadonlyArray<Role>
  /** What the role carries; an unknown role carries nothing. */
  readonly capabilitiesOf: (role: Role) => ReadonlySet<Capability>
}

const NOTHING: ReadonlySet<Capability> = new Set()

/**
 * Builds a registry from `{ role: [capability, …] }`.
 *
 * Throws when a role or capability is not a valid name: a registry is written by the host's programmers, at start-up.
 */
const make = (roles: Readonly<Record<string, ReadonlyArray<string>>>): CapabilityRegistry => {
  const byRole = new Map(
    Object.entries(roles).map(([role, capabilities]) => [
      Role.make(role),
      new Set(capabilities.map((capability) => Capability.make(capability)))
    ])
  )
  return {
    roles: [...byRole.keys()],
    capabilitiesOf: (role) => byRole.get(role) ?? NOTHING
  }
}

export const CapabilityRegistry = { make }
