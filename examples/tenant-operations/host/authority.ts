/** The host's tables as the gate's facts: views of the names it asks for, and a fence around every table behind them. */

/** What `layerPostgres({ factsSchema })` and `countersign --facts-schema` are told. */
export const FACTS_SCHEMA = "msp_authority"

const views = [
  `CREATE VIEW msp_authority.workspaces AS
    SELECT id, closed_on IS NULL AS open FROM msp.partners`,
  `CREATE VIEW msp_authority.users AS
    SELECT email AS id, name, left_on IS NOT NULL AS disabled FROM msp.staff`,
  `CREATE VIEW msp_authority.memberships AS
    SELECT partner_id AS workspace_id, email AS user_id, job AS role FROM msp.teams`,
  `CREATE VIEW msp_authority.role_capabilities AS
    SELECT p.id AS workspace_id, r.job AS role, r.may AS capability FROM msp.partners p, msp.job_rights r`,
  `CREATE VIEW msp_authority.tenants AS
    SELECT id, partner_id AS workspace_id,
      CASE stage WHEN 'prospect' THEN 'draft' WHEN 'live' THEN 'active' ELSE stage END AS state
    FROM msp.customers`,
  `CREATE VIEW msp_authority.tenant_entitlements AS
    SELECT email AS user_id, customer_id AS tenant_id FROM msp.assignments`,
  `CREATE VIEW msp_authority.provider_connections AS
    SELECT k.id, c.partner_id AS workspace_id, c.id AS tenant_id, NOT k.paused AS enabled, k.consented AS connected
    FROM msp.connectors k JOIN msp.customers c ON c.id = k.customer_id`,
  // The newest check counts, whatever it found.
  `CREATE VIEW msp_authority.write_gates AS
    SELECT DISTINCT ON (customer_id) customer_id AS tenant_id, result AS health, checked_at
    FROM msp.hardening_checks ORDER BY customer_id, checked_at DESC, id DESC`,
  `CREATE VIEW msp_authority.prerequisites AS
    SELECT partner_id AS workspace_id, id AS tenant_id, 'change_window_open' AS name, NOT changes_frozen AS satisfied
    FROM msp.customers`
]

/** Which workspaces a change of the table concerns, and through which links they are found. `changed` holds its rows. */
const fenced = (table: string, workspaces: string, links: string) =>
  `SELECT countersign.guard_facts_by('msp.${table}', $q$${workspaces}$q$, $q$${links}$q$)`

const ofItsCustomer = (table: string) =>
  fenced(
    table,
    "SELECT c.partner_id FROM changed x JOIN msp.customers c ON c.id = x.customer_id",
    "SELECT 'customer:' || customer_id FROM changed"
  )

const fences = [
  fenced("partners", "SELECT id FROM changed", "SELECT 'job rights' FROM changed"),
  fenced("job_rights", "SELECT id FROM msp.partners", "SELECT 'job rights' FROM changed"),
  fenced(
    "staff",
    "SELECT t.partner_id FROM changed x JOIN msp.teams t ON t.email = x.email",
    "SELECT 'staff:' || email FROM changed"
  ),
  fenced("teams", "SELECT partner_id FROM changed", "SELECT 'staff:' || email FROM changed"),
  fenced("customers", "SELECT partner_id FROM changed", "SELECT 'customer:' || id FROM changed"),
  ofItsCustomer("assignments"),
  ofItsCustomer("connectors"),
  ofItsCustomer("hardening_checks")
]

/** The statements that tell the gate what the host knows. `countersign migrate` comes before them. */
export const authority: ReadonlyArray<string> = [`CREATE SCHEMA ${FACTS_SCHEMA}`, ...views, ...fences]
