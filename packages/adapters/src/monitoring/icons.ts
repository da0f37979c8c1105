/** Small pictures beside words; they say nothing that the words do not say as well. */
import { type Html, html } from "./Html.ts"

const paths = {
  queued: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 2.5V8l2.4 1.6",
  held: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM6.4 5.8v4.4M9.6 5.8v4.4",
  running: "M5.2 3.4v9.2L12.6 8 5.2 3.4Z",
  succeeded: "M3.2 8.6l3.2 3.2 6.6-7.4",
  partially_succeeded: "M3.2 8.6l2.6 2.8M7 11.4l6-7M3 14h10",
  blocked: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM3.9 3.9l8.2 8.2",
  failed: "M4 4l8 8M12 4l-8 8",
  cancelled: "M3.5 8h9",
  passed: "M3.2 8.6l3.2 3.2 6.6-7.4",
  not_applicable: "M4.5 8h7",
  stopped: "M4 4l8 8M12 4l-8 8",
  next: "M3 8h9.4M8.6 4.2 12.4 8l-3.8 3.8",
  stale: "M8 2.6 14.2 13.4H1.8L8 2.6Zm0 4v3.2m0 1.7v.2",
  search: "M7 2.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8Zm3.3 7.7 3.3 3.3"
} as const

/** The name of a picture. */
export type IconName = keyof typeof paths

/** The picture, hidden from who listens. */
export const icon = (name: IconName): Html =>
  html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false"><path d="${paths[name]}"/></svg>`
