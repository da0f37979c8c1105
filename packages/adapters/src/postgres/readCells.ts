/** Single values of a row, checked. */
import {
  HostString,
  knownNames,
  OperationType,
  ProviderConnectionId,
  type RunId,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"

/** A `timestamptz` as drivers give it: as `Date`, or as ISO 8601 text where it came within JSON. */
export type Instant = Date | string

/** Says what is wrong with a row, without repeating what it holds. Caught where the row is read. */
export const unreadable = (problem: string): never => {
  throw new Error(problem)
}

/** Epoch milliseconds; `infinity` and the like are none. */
export const millisOf = (instant: Instant, column: string): number => {
  const millis = typeof instant === "string" ? Date.parse(instant) : instant.getTime()
  return Number.isNaN(millis) ? unreadable(`${column} is no instant`) : millis
}

const VERSION_7 = /^.{14}7.{4}[89ab]/

/** Whether a cell of the type `uuid` is the id of a run: that it is a UUID, its column vouches for. */
export const isRunId = (uuid: string): uuid is RunId => VERSION_7.test(uuid)

/** A cell that names a workspace. */
export const workspaceOf = knownNames(WorkspaceId)
/** A cell that names a tenant. */
export const tenantOf = knownNames(TenantId)
/** A cell that names a provider connection. */
export const connectionOf = knownNames(ProviderConnectionId)
/** A cell that names a user. */
export const userOf = knownNames(UserId)
/** A cell that names an operation. */
export const operationTypeOf = knownNames(OperationType)
/** A cell that is what a person is called. */
export const calledOf = knownNames(HostString)
