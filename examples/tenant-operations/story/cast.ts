/** Who is in the story, in the host's own tables: a partner, its staff, and its customers with a connector each. */
import { Clock, Effect } from "effect"
import { SqlClient } from "effect/sql"

/** The company whose staff looks after the customers; a workspace, in the gate's words. */
export const PARTNER = "northwind"

/** Everybody with the job they have in the beginning. */
const STAFF = [
  { name: "Max", job: "manager" },
  { name: "Nora", job: "manager" },
  { name: "Tim", job: "technician" },
  { name: "Ole", job: "technician" }
] as const
/** One of the staff. */
export type Person = (typeof STAFF)[number]["name"]

/** All of them live, with a hardening check of just now. */
export const CUSTOMERS = ["contoso", "fabrikam", "tailspin", "wingtip"] as const
/** One of the customers. */
export type Customer = (typeof CUSTOMERS)[number]

/** The mail address, by which the gate knows a person. */
export const emailOf = (person: Person) => `${person.toLowerCase()}@${PARTNER}.example`

/** Each customer's one connector. */
export const connectorOf = (customer: Customer) => `${customer}-connector`

const RIGHTS = {
  manager: ["connector.check", "inventory.sync", "directory.sync", "backup.restore", "policy.delete"],
  technician: ["connector.check", "inventory.sync", "directory.sync"]
}

/** Where each customer's provider is, and what opens it. */
export interface Providers {
  readonly urlOf: (customer: Customer) => string
  readonly tokenOf: (customer: Customer) => string
}

/** Writes everybody down, in one transaction. Everybody is assigned to every customer. */
export const introduce = Effect.fnUntraced(function* ({ urlOf, tokenOf }: Providers) {
  const sql = yield* SqlClient.SqlClient
  const now = new Date(yield* Clock.currentTimeMillis)
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`INSERT INTO msp.partners (id, name) VALUES (${PARTNER}, 'Northwind IT')`
      for (const [job, rights] of Object.entries(RIGHTS)) {
        for (const may of rights) yield* sql`INSERT INTO msp.job_rights ${sql.insert({ job, may })}`
      }
      for (const { name, job } of STAFF) {
        const email = emailOf(name)
        yield* sql`INSERT INTO msp.staff ${sql.insert({ email, name })}`
        yield* sql`INSERT INTO msp.teams ${sql.insert({ partner_id: PARTNER, email, job })}`
      }
      for (const id of CUSTOMERS) {
        yield* sql`INSERT INTO msp.customers ${sql.insert({ id, partner_id: PARTNER, name: id, stage: "live" })}`
        const connector = { id: connectorOf(id), customer_id: id, base_url: urlOf(id), token: tokenOf(id) }
        yield* sql`INSERT INTO msp.connectors ${sql.insert(connector)}`
        yield* sql`INSERT INTO msp.hardening_checks ${sql.insert({ customer_id: id, result: "ok", checked_at: now })}`
        for (const { name } of STAFF) {
          yield* sql`INSERT INTO msp.assignments ${sql.insert({ email: emailOf(name), customer_id: id })}`
        }
      }
    })
  )
})
