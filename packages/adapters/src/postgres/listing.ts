/** Lists of runs as SQL. */
import { type RunFilter, RunStatus } from "@countersign/domain"
import { limited } from "./limits.ts"
import { RUN_COLUMNS } from "./RunRow.ts"
import type { Names } from "./SchemaName.ts"

/** The conditions that are asked for and no others: what is null or absent would spoil the plan. */
const conditionsOf = (filter: RunFilter) => {
  const conditions = [
    ["workspace_id =", filter.workspaceId],
    ["tenant_id =", filter.tenantId],
    ["operation_type =", filter.operationType],
    ["status =", filter.status],
    ["outcome =", filter.outcome],
    ["id <", filter.before]
  ].flatMap(([condition, value]) => (value === undefined ? [] : [{ condition, value }]))
  return {
    conditions: conditions.map(({ condition }, index) => `r.${condition} $${index + 1}`),
    values: conditions.map(({ value }) => value)
  }
}

/**
 * Runs that the filter lets pass, the newest first. Those of a workspace are looked for in each status by itself, each in an index of its
 * own, and so the status stands there as a literal: with a parameter the planner could not choose one.
 */
export const listing = ({ q }: Names, filter: RunFilter) => {
  const { conditions, values } = conditionsOf(filter)
  const limit = limited(filter.limit)
  const some = (columns: string, all: ReadonlyArray<string>) =>
    `SELECT ${columns} FROM ${q}.runs r ${all.length === 0 ? "" : `WHERE ${all.join(" AND ")}`} ORDER BY r.id DESC LIMIT ${limit}`
  // Compared with those that are known: callers without types may name any.
  const statuses = RunStatus.literals.filter((status) => filter.status === undefined || status === filter.status)
  if (filter.workspaceId === undefined || statuses.length === 0) return { text: some(RUN_COLUMNS, conditions), values }
  const parts = statuses.map((status) => `(${some("r.*", [...conditions, `r.status = '${status}'`])})`)
  return {
    text: `SELECT ${RUN_COLUMNS} FROM (\n  ${parts.join("\n  UNION ALL ")}\n) r ORDER BY r.id DESC LIMIT ${limit}`,
    values
  }
}
