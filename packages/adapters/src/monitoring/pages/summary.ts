/** How many runs are under way and how many ended in which way; each number leads to its runs. */
import { type ActiveCounts, outcomeBadges, type RecentEnds, type RunOutcome, type Tone } from "@countersign/domain"
import { type Html, html } from "../Html.ts"
import { type IconName, icon } from "../icons.ts"
import { addressOf, type ListRequest } from "../ListRequest.ts"

/** The ends in the order in which they are told. */
export const ENDS: ReadonlyArray<RunOutcome> = ["blocked", "failed", "partially_succeeded", "cancelled", "succeeded"]

const grouped = (count: number): string => count.toLocaleString("en")

/** How many ended in this way. */
export const countOf = ({ counts }: RecentEnds, outcome: RunOutcome): number =>
  counts.reduce((sum, end) => (end.outcome === outcome ? sum + end.count : sum), 0)

interface Tile {
  readonly label: string
  readonly count: string
  readonly isNone: boolean
  readonly tone: Tone
  readonly icon: IconName
  readonly fields: ListRequest["fields"]
}

const tile = (
  { workspace, fields: now }: ListRequest,
  { label, count, isNone, tone, icon: name, fields }: Tile
): Html => {
  const isChosen = JSON.stringify(now) === JSON.stringify(fields)
  return html`<li><a class="tile${isNone ? " is-none" : ""} tone-${tone}" href="${addressOf({ workspace, fields })}"${
    isChosen ? html` aria-current="true"` : html``
  }><span class="tile-label">${icon(name)}${label}</span> <span class="tile-count">${count}</span></a></li>`
}

/** The numbers. */
export const summary = (request: ListRequest, active: ActiveCounts, ends: RecentEnds, since: string): Html => {
  const most = (count: number) => `${grouped(count)}${active.isAtLeast && count > 0 ? "+" : ""}`
  const underWay: ReadonlyArray<Tile> = [
    {
      label: "Queued",
      count: most(active.queued),
      isNone: active.queued === 0,
      tone: "neutral",
      icon: "queued",
      fields: { status: "queued" }
    },
    {
      label: "Held",
      count: most(active.held),
      isNone: active.held === 0,
      tone: "warning",
      icon: "held",
      fields: { held: "yes" }
    },
    {
      label: "Running",
      count: most(active.running),
      isNone: active.running === 0,
      tone: "info",
      icon: "running",
      fields: { status: "running" }
    }
  ]
  const ended = ENDS.map((outcome): Tile => {
    const count = countOf(ends, outcome)
    const name = outcome === "pending" ? "queued" : outcome
    return {
      ...outcomeBadges[outcome],
      count: grouped(count),
      isNone: count === 0,
      icon: name,
      fields: { outcome, time: "24h" }
    }
  })
  return html`<section class="summary" aria-label="At a glance">
<div><h2>Under way</h2><ul class="tiles">${underWay.map((one) => tile(request, one))}</ul></div>
<div><h2>Ended ${since}</h2><ul class="tiles">${ended.map((one) => tile(request, one))}</ul></div>
</section>`
}
