/** Badges: the domain's labels and tones, with a picture, so that no state is told by colour alone. */
import {
  type Badge,
  type Freshness,
  freshnessInWords,
  isCompleted,
  outcomeBadgeOf,
  type Run,
  statusBadgeOf,
  wireStateOf
} from "@countersign/domain"
import { type Html, html, NOTHING } from "./Html.ts"
import { type IconName, icon } from "./icons.ts"

const iconOf = (run: Run): IconName => {
  if (run._tag === "Queued") return run.held === null ? "queued" : "held"
  const { outcome } = wireStateOf[run._tag]
  return outcome === "pending" ? "running" : outcome
}

/** A badge with its picture. */
export const badge = ({ label, tone }: Badge, name: IconName): Html =>
  html`<span class="badge tone-${tone}">${icon(name)}${label}</span>`

/** How a run stands: its outcome when it is over, its status before. */
export const stateBadge = (run: Run): Html =>
  badge(isCompleted(run) ? outcomeBadgeOf(run) : statusBadgeOf(run), iconOf(run))

/** A word of warning about a run that does not get on; nothing about any other. */
export const freshnessBadge = (freshness: Freshness): Html =>
  freshness === "likely_stale" || freshness === "reconciled_failed"
    ? badge(freshnessInWords[freshness], "stale")
    : NOTHING
