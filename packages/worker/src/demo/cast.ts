/** Who and what is in the demo: names for people, and ids that are of one demo alone. */
export interface Cast {
  /** Ends every id of this demo, so that a second one on the same database meets nothing of the first. */
  readonly suffix: string
  readonly workspace: string
  readonly person: (name: PersonName) => string
  readonly tenant: (name: TenantName) => string
  /** The one provider connection of a tenant. */
  readonly connection: (name: TenantName) => string
}

/** Each with the role they have in the beginning. */
export const PEOPLE = {
  Ada: "operator",
  Ben: "operator",
  Cleo: "operator",
  Dan: "operator",
  Eve: "manager",
  Finn: "manager"
} as const
/** Who plays a part. */
export type PersonName = keyof typeof PEOPLE

/** The tenants of the demo's workspace. */
export const TENANTS = ["Contoso", "Fabrikam", "Tailspin", "Wingtip"] as const
/** One of {@link TENANTS}. */
export type TenantName = (typeof TENANTS)[number]

/** Every workspace of a demo begins like this; what does not is not ours to touch. */
export const WORKSPACE_PREFIX = "demo-"

/** The cast of one demo. */
export const makeCast = (suffix: string): Cast => {
  const id = (name: string) => `${name.toLowerCase()}-${suffix}`
  return {
    suffix,
    workspace: `${WORKSPACE_PREFIX}${suffix}`,
    person: id,
    tenant: id,
    connection: (name) => `graph-${id(name)}`
  }
}
