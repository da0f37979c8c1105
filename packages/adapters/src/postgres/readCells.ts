/** Single values of a row, checked. */
import {
  HostString,
  OperationType,
  ProviderConnectionId,
  type RunId,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Schema } from "effect"

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

/** How many names a reader remembers as valid before it forgets them all. */
const REMEMBERED = 10_000

/** The same few names come with every batch: each is checked once. Null when the text is no such name. */
const names = <Name extends string>(schema: Schema.Codec<Name, string>) => {
  const isName = Schema.is(schema)
  const known = new Map<string, Name>()
  return (text: string): Name | null => {
    const name = known.get(text)
    if (name !== undefined) return name
    if (!isName(text)) return null
    if (known.size >= REMEMBERED) known.clear()
    known.set(text, text)
    return text
  }
}

/** A cell that names a workspace. */
export const workspaceOf = names(WorkspaceId)
/** A cell that names a tenant. */
export const tenantOf = names(TenantId)
/** A cell that names a provider connection. */
export const connectionOf = names(ProviderConnectionId)
/** A cell that names a user. */
export const userOf = names(UserId)
/** A cell that names an operation. */
export const operationTypeOf = names(OperationType)
/** A cell that is what a person is called. */
export const calledOf = names(HostString)
