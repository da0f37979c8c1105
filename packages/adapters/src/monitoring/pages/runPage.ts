/** The page of one run, in the order of the contract: what run, how it ended, why, what next; then the details. */
import {
  type AuditRecord,
  agoInWords,
  authorityInWords,
  type BoardRun,
  type Catalogue,
  type DecisionRecord,
  durationInWords,
  freshnessInWords,
  freshnessOf,
  isCompleted,
  pausedInWords,
  problemClassOf,
  problemInWords,
  type Run,
  sentenceOf,
  standingOf,
  starterOf,
  stepsOf,
  type WaitingFor,
  whyOf
} from "@countersign/domain"
import { runAddress, runLiveAddress } from "../Address.ts"
import { stateBadge } from "../badges.ts"
import { asSentence, type Html, html, instant, NOTHING, named, prose } from "../Html.ts"
import { icon } from "../icons.ts"
import { addressOf } from "../ListRequest.ts"
import { checkStrip } from "./checkStrip.ts"
import { diagnostics } from "./diagnostics.ts"
import type { Page } from "./layout.ts"
import { operationLabel, ranFor } from "./listTable.ts"
import { seenFacts } from "./seenFacts.ts"
import { timeline } from "./timeline.ts"

/** Everything the page shows. */
export interface RunContent {
  readonly found: BoardRun
  /** What it waits for; null unless it is queued. */
  readonly waiting: WaitingFor | null
  readonly decisions: ReadonlyArray<DecisionRecord>
  readonly audit: ReadonlyArray<AuditRecord>
  readonly catalogue: Catalogue
  readonly nowMillis: number
}

/** What is longer than this is no headline. */
const HEADLINE_MOST = 140

const verdict = ({ found: { run }, waiting }: RunContent): Html => {
  const [headline, tone] = standingOf(run, waiting)
  const [label = "", words] = headline.split(/ — (.*)/s)
  const [step, ...others] = stepsOf(run, waiting)
  const standing = waiting?._tag === "Resume" ? pausedInWords(waiting.pause) : sentenceOf(run)
  const isShort = words !== undefined && words.length <= HEADLINE_MOST
  return html`<section class="verdict tone-${tone}" aria-labelledby="verdict">
<p class="verdict-badge">${stateBadge(run, waiting)}</p>
<h2 id="verdict"${words === undefined ? html` class="visually-hidden"` : NOTHING}>${isShort ? html`<span class="visually-hidden">${label} — </span>${named(asSentence(words))}` : label}</h2>
${words === undefined || isShort ? NOTHING : html`<div class="why">${prose(words)}</div>`}
${standing === null ? NOTHING : html`<p class="why">${standing}</p>`}
${whyOf(run).map((why) => html`<div class="why">${prose(why)}</div>`)}
${
  step === undefined
    ? NOTHING
    : html`<div class="next"><p class="next-label">Next step</p><p class="next-step">${icon("next")}${named(step)}</p>${
        others.length === 0 ? NOTHING : html`<ul>${others.map((other) => html`<li>${named(other)}</li>`)}</ul>`
      }</div>`
}
</section>`
}

/** How it gets on, where there is more to say than that it is over. */
const wellbeing = ({ found: { run, leaseUntilMillis }, nowMillis }: RunContent): Html => {
  const watch = { nowMillis, leaseUntilMillis }
  const freshness = freshnessOf(run, watch)
  if (freshness !== "likely_stale" && freshness !== "reconciled_failed") return NOTHING
  const problem = problemClassOf(run, watch)
  const { label, tone, sentence } = freshnessInWords[freshness]
  return html`<p class="wellbeing tone-${tone}" role="status">${icon("stale")}<span><b>${label}.</b> ${sentence} ${problem === "none" ? "" : problemInWords[problem].sentence}</span></p>`
}

const fact = (label: string, value: Html): Html => html`<div><dt>${label}</dt><dd>${value}</dd></div>`

const times = (run: Run, nowMillis: number): Html => {
  const { dispatchedAtMillis, expiresAtMillis } = run.dispatch
  const ran = ranFor(run, nowMillis)
  const told = (millis: number) =>
    html`${instant(millis, agoInWords(millis, nowMillis))} <span class="quiet">${instant(millis)}</span>`
  return html`${fact("Dispatched", told(dispatchedAtMillis))}
${fact("First started", run.startedAtMillis === null ? html`never` : told(run.startedAtMillis))}
${isCompleted(run) ? fact("Completed", told(run.completedAtMillis)) : NOTHING}
${ran === null ? NOTHING : fact(isCompleted(run) ? "From start to end" : "Running or waiting since the start", html`${durationInWords(ran)}`)}
${run._tag === "Queued" && run.availableAtMillis > nowMillis ? fact(run.held === null ? "May start" : "Asked about again", told(run.availableAtMillis)) : NOTHING}
${run._tag === "Queued" && run.held !== null ? fact("Held since", told(run.held.sinceMillis)) : NOTHING}
${run._tag === "Queued" ? fact("Given up", told(expiresAtMillis)) : NOTHING}`
}

const provenance = ({ dispatch: { slot, retryOf } }: Run): Html => html`
${slot === null ? NOTHING : fact("Slot of a schedule", html`${named(slot.scheduleId)}, ${instant(slot.slotMillis)}`)}
${retryOf === null ? NOTHING : fact("Done again", html`<a href="${runAddress(retryOf)}">the run it repeats</a>`)}`

const counted = ({ counts }: Run): Html => {
  const entries = Object.entries(counts)
  if (entries.length === 0) return NOTHING
  return html`<section aria-labelledby="counts"><h2 id="counts">Counted</h2><dl class="counts">${entries.map(
    ([name, count]) => html`<div><dt>${named(name)}</dt><dd>${count.toLocaleString("en")}</dd></div>`
  )}</dl></section>`
}

const particulars = (run: Run, nowMillis: number): Html => {
  const { scope } = run.dispatch.subject
  return html`<section aria-labelledby="particulars"><h2 id="particulars">Particulars</h2><dl class="facts">
${fact("Started by", named(starterOf(run)))}
${fact("On whose authority", html`${authorityInWords(run)}`)}
${fact("Tenant", scope.tenantId === null ? html`none: it is about the workspace as a whole` : named(scope.tenantId))}
${fact("Workspace", named(scope.workspaceId))}
${scope.providerConnectionId === null ? NOTHING : fact("Provider connection", named(scope.providerConnectionId))}
${fact("Attempt", html`${run.attempt} of ${run.dispatch.maxAttempts}`)}
${times(run, nowMillis)}${provenance(run)}
</dl></section>`
}

/** The main part of the page. */
export const runMain = (content: RunContent): Html => {
  const { found, decisions, audit, catalogue, nowMillis } = content
  const { run } = found
  const { scope } = run.dispatch.subject
  const last = decisions.at(-1)
  return html`<nav class="crumbs" aria-label="Breadcrumb"><a href="${addressOf({ workspace: scope.workspaceId, fields: {} })}">Operations</a> <span aria-hidden="true">/</span> <span>Run</span></nav>
<div class="head is-stacked"><h1>${named(operationLabel(run, catalogue))}</h1>
<p class="where">${scope.tenantId === null ? html`for the whole workspace ${named(scope.workspaceId)}` : html`for tenant ${named(scope.tenantId)}`}</p></div>
${verdict(content)}${wellbeing(content)}
${checkStrip(run, last)}
${counted(run)}
<div class="columns"><div>${particulars(run, nowMillis)}</div><div>${timeline(audit, decisions)}</div></div>
${last === undefined ? NOTHING : seenFacts(last)}
${diagnostics(content)}`
}

/** The page. */
export const runPage = (content: RunContent): Page => {
  const { run } = content.found
  return {
    title: `${operationLabel(run, content.catalogue)} – Countersign`,
    main: runMain(content),
    live: isCompleted(run) ? null : runLiveAddress(run.dispatch.id)
  }
}
