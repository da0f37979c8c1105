/**
 * What a list's address asks for. The address is all there is: it can be kept, sent, and gone back to. What it says that nobody
 * understands is left out, and told.
 */
import {
  type BoardFilter,
  type BoardPosition,
  Freshness,
  idsOfTime,
  idsWithPrefix,
  intersectionOf,
  OperationType,
  ReasonCode,
  RunId,
  type RunIdRange,
  RunOutcome,
  RunStatus,
  TenantId
} from "@countersign/domain"
import { Option, Schema } from "effect"
import { LIST } from "./Address.ts"

const HOUR_MILLIS = 60 * 60 * 1000

/** Stretches of time up to now, in which runs were dispatched. */
export const TIMES = {
  "1h": { label: "Last hour", millis: HOUR_MILLIS },
  "24h": { label: "Last 24 hours", millis: 24 * HOUR_MILLIS },
  "7d": { label: "Last 7 days", millis: 7 * 24 * HOUR_MILLIS },
  "30d": { label: "Last 30 days", millis: 30 * 24 * HOUR_MILLIS }
} as const

const Time = Schema.Literals(["1h", "24h", "7d", "30d"])
const Yes = Schema.Literal("yes")

/** Whatever an address can say, each as text that was understood. */
export const FIELDS = ["status", "outcome", "held", "type", "tenant", "reason", "freshness", "time", "id"] as const
/** One thing an address can say. */
export type Field = (typeof FIELDS)[number]

const understands: Readonly<Record<Field, (text: string) => boolean>> = {
  status: Schema.is(RunStatus),
  outcome: Schema.is(RunOutcome),
  held: Schema.is(Yes),
  type: Schema.is(OperationType),
  tenant: Schema.is(TenantId),
  reason: Schema.is(ReasonCode),
  freshness: Schema.is(Freshness),
  time: Schema.is(Time),
  id: (text) => idsWithPrefix(text) !== null
}

/** What is asked for. */
export interface ListRequest {
  /** Null: the viewer's first one. */
  readonly workspace: string | null
  readonly fields: Readonly<Partial<Record<Field, string>>>
  readonly at: BoardPosition
  /** What nobody understood; `page` is a place in the list that is no run's id. */
  readonly misunderstood: ReadonlyArray<Field | "page">
  /** All of it as it was asked, to be asked again. */
  readonly query: string
}

const isRunId = Schema.is(RunId)

const positionIn = (params: URLSearchParams): BoardPosition => {
  const [older, newer] = [params.get("older"), params.get("newer")]
  if (isRunId(older)) return { _tag: "OlderThan", id: older }
  return isRunId(newer) ? { _tag: "NewerThan", id: newer } : { _tag: "Newest" }
}

/** Reads an address. */
export const listRequestIn = (params: URLSearchParams): ListRequest => {
  const fields: Partial<Record<Field, string>> = {}
  const misunderstood: Array<Field | "page"> = []
  for (const field of FIELDS) {
    const text = params.get(field)?.trim() ?? ""
    if (text === "") continue
    if (understands[field](text)) fields[field] = text
    else misunderstood.push(field)
  }
  const at = positionIn(params)
  if (at._tag === "Newest" && (params.get("older") || params.get("newer"))) misunderstood.push("page")
  return {
    workspace: params.get("workspace") || null,
    fields,
    at,
    misunderstood,
    query: params.toString()
  }
}

/** The whole id of a run, where one was looked for. */
export const wholeId = ({ fields: { id } }: ListRequest): RunId | null => {
  const text = id?.toLowerCase()
  return isRunId(text) ? text : null
}

const known = <A>(schema: Schema.Codec<A, string>, text: string | undefined): A | undefined =>
  text === undefined ? undefined : Option.getOrUndefined(Schema.decodeOption(schema)(text))

const rangeOf = ({ time, id }: ListRequest["fields"], nowMillis: number): RunIdRange | undefined => {
  const stretch = known(Time, time)
  const dispatched = stretch === undefined ? null : idsOfTime(nowMillis - TIMES[stretch].millis)
  const beginning = id === undefined ? null : idsWithPrefix(id)
  if (dispatched === null || beginning === null) return dispatched ?? beginning ?? undefined
  return intersectionOf(dispatched, beginning)
}

/** The same for a board. */
export const filterOf = ({ fields }: ListRequest, nowMillis: number): BoardFilter => {
  const asked = {
    status: known(RunStatus, fields.status),
    outcome: known(RunOutcome, fields.outcome),
    held: fields.held === undefined ? undefined : true,
    operationType: known(OperationType, fields.type),
    tenantId: known(TenantId, fields.tenant),
    reason: known(ReasonCode, fields.reason),
    freshness: known(Freshness, fields.freshness),
    ids: rangeOf(fields, nowMillis)
  }
  return {
    ...(asked.status === undefined ? {} : { status: asked.status }),
    ...(asked.outcome === undefined ? {} : { outcome: asked.outcome }),
    ...(asked.held === undefined ? {} : { held: asked.held }),
    ...(asked.operationType === undefined ? {} : { operationType: asked.operationType }),
    ...(asked.tenantId === undefined ? {} : { tenantId: asked.tenantId }),
    ...(asked.reason === undefined ? {} : { reason: asked.reason }),
    ...(asked.freshness === undefined ? {} : { freshness: asked.freshness }),
    ...(asked.ids === undefined ? {} : { ids: asked.ids })
  }
}

/** An address that asks for this. */
export const addressOf = ({
  workspace,
  fields,
  at
}: Pick<ListRequest, "workspace" | "fields"> & { readonly at?: BoardPosition }): string => {
  const params = new URLSearchParams()
  if (workspace !== null) params.set("workspace", workspace)
  for (const field of FIELDS) {
    const text = fields[field]
    if (text !== undefined) params.set(field, text)
  }
  if (at?._tag === "OlderThan") params.set("older", at.id)
  if (at?._tag === "NewerThan") params.set("newer", at.id)
  const query = params.toString()
  return query === "" ? LIST : `${LIST}?${query}`
}
