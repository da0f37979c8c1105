/** The conditions of the list, as a form that leads to an address. */
import {
  type Catalogue,
  type Freshness,
  freshnessInWords,
  type OperationType,
  outcomeBadges,
  ReasonCode,
  type RunOutcome,
  type RunStatus,
  reasonLabels,
  statusBadges,
  type TenantId
} from "@countersign/domain"
import { LIST } from "../Address.ts"
import { asSentence, type Html, html, NOTHING, named } from "../Html.ts"
import { icon } from "../icons.ts"
import { addressOf, FIELDS, type Field, type ListRequest, TIMES } from "../ListRequest.ts"

/** What there is to choose from. */
export interface Choices {
  readonly catalogue: Catalogue
  /** The operations whose runs the viewer may see; null for all. */
  readonly operationTypes: ReadonlyArray<OperationType> | null
  readonly tenants: ReadonlyArray<TenantId>
}

type Option = readonly [value: string, label: string]

const STATUSES: ReadonlyArray<Exclude<RunStatus, "completed">> = ["queued", "running"]
const OUTCOMES: ReadonlyArray<RunOutcome> = ["succeeded", "partially_succeeded", "blocked", "failed", "cancelled"]
const FRESHNESSES: ReadonlyArray<Freshness> = ["fresh_active", "likely_stale", "reconciled_failed", "terminal_normal"]

const operations = ({ catalogue, operationTypes }: Choices): ReadonlyArray<Option> =>
  Array.from(catalogue.operations.values())
    .filter(({ type }) => operationTypes === null || operationTypes.includes(type))
    .map(({ type, label }): Option => [type, label])
    .toSorted(([, one], [, other]) => (one < other ? -1 : 1))

const optionsOf = (
  choices: Choices
): Readonly<Record<Exclude<Field, "tenant" | "id" | "held">, ReadonlyArray<Option>>> => ({
  status: [...STATUSES.map((status): Option => [status, statusBadges[status].label]), ["completed", "Completed"]],
  outcome: OUTCOMES.map((outcome): Option => [outcome, outcomeBadges[outcome].label]),
  type: operations(choices),
  reason: ReasonCode.literals.map((code): Option => [code, asSentence(reasonLabels[code])]),
  freshness: FRESHNESSES.map((freshness): Option => [freshness, freshnessInWords[freshness].label]),
  time: Object.entries(TIMES).map(([value, { label }]): Option => [value, label])
})

const LABELS: Readonly<Record<Field, string>> = {
  status: "Status",
  outcome: "Outcome",
  held: "Held",
  type: "Operation",
  tenant: "Tenant",
  reason: "Reason",
  freshness: "Freshness",
  time: "Dispatched",
  id: "Run id"
}

const select = (field: Field, options: ReadonlyArray<Option>, chosen: string | undefined): Html => {
  const isListed = chosen === undefined || options.some(([value]) => value === chosen)
  const all: ReadonlyArray<Option> = isListed ? options : [...options, [chosen, chosen]]
  return html`<p class="field"><label for="${field}">${LABELS[field]}</label>
<select id="${field}" name="${field}"><option value="">Any</option>${all.map(
    ([value, label]) => html`<option value="${value}"${value === chosen ? html` selected` : NOTHING}>${label}</option>`
  )}</select></p>`
}

/** Tenants are many: one types, and is helped. */
const TENANTS_LISTED = 500

const tenantField = (tenants: ReadonlyArray<TenantId>, chosen: string | undefined): Html => html`
<p class="field"><label for="tenant">${LABELS.tenant}</label>
<input id="tenant" name="tenant" list="tenants" value="${chosen ?? ""}" placeholder="Any" autocomplete="off" spellcheck="false">
<datalist id="tenants">${tenants.slice(0, TENANTS_LISTED).map((id) => html`<option value="${id}"></option>`)}</datalist></p>`

/** The form. */
export const filterForm = (request: ListRequest, choices: Choices): Html => {
  const { fields, workspace } = request
  const options = optionsOf(choices)
  const isFiltered = FIELDS.some((field) => fields[field] !== undefined)
  return html`<form class="filters" method="get" action="${LIST}" role="search" aria-label="Runs">
${workspace === null ? NOTHING : html`<input type="hidden" name="workspace" value="${workspace}">`}
${fields.held === undefined ? NOTHING : html`<input type="hidden" name="held" value="${fields.held}">`}
${select("status", options.status, fields.status)}
${select("outcome", options.outcome, fields.outcome)}
${select("reason", options.reason, fields.reason)}
${select("type", options.type, fields.type)}
${tenantField(choices.tenants, fields.tenant)}
${select("freshness", options.freshness, fields.freshness)}
${select("time", options.time, fields.time)}
<p class="field"><label for="id">${LABELS.id}</label>
<input id="id" name="id" value="${fields.id ?? ""}" placeholder="All of it, or how it begins" autocomplete="off" spellcheck="false"></p>
<p class="actions"><button type="submit">${icon("search")}Show</button>${
    isFiltered ? html`<a href="${addressOf({ workspace, fields: {} })}">Clear</a>` : NOTHING
  }</p>
</form>`
}

/** Says what of an address was not understood. */
export const misunderstandings = ({ misunderstood }: ListRequest): Html =>
  misunderstood.length === 0
    ? NOTHING
    : html`<p class="hint" role="status">Left out, because it is not understood: ${misunderstood
        .map((name) => (name === "page" ? "Page" : LABELS[name]))
        .join(", ")}.</p>`

/** The conditions in words, each with a way to take it back. */
export const chosen = (request: ListRequest, choices: Choices): Html => {
  const options: Readonly<Record<string, ReadonlyArray<Option>>> = optionsOf(choices)
  const chips = FIELDS.flatMap((field) => {
    const value = request.fields[field]
    if (value === undefined) return []
    const label = options[field]?.find(([known]) => known === value)?.[1] ?? value
    const { [field]: _, ...rest } = request.fields
    const address = addressOf({ workspace: request.workspace, fields: rest })
    const words = field === "held" ? html`${LABELS.held}` : html`${LABELS[field]}: ${named(label)}`
    return [
      html`<li><a class="chip" href="${address}"><span>${words}</span><span class="visually-hidden"> – take back</span></a></li>`
    ]
  })
  return chips.length === 0 ? NOTHING : html`<ul class="chips" aria-label="Conditions">${chips}</ul>`
}
