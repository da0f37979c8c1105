/** The frame of every page: head, who is looking, and the main part, which is what changes while one looks. */

import { ASSETS, LIST, VIEWER } from "../Address.ts"
import type { Assets } from "../assets.ts"
import { type Html, html, NOTHING, named } from "../Html.ts"
import type { Viewer, ViewerChoice } from "../Viewer.ts"

/** What every page has. */
export interface Frame {
  readonly assets: Assets
  readonly viewer: Viewer | null
  readonly choices: ReadonlyArray<ViewerChoice>
}

/** One page. */
export interface Page {
  readonly title: string
  readonly main: Html
  /** Where changes of the main part come from; null when it does not change. */
  readonly live: string | null
}

/** htmx adds no style and runs no code that stands in attributes; a part that is unfolded stays so. */
const HTMX_CONFIG = JSON.stringify({
  includeIndicatorCSS: false,
  morphIgnore: ["data-htmx-powered", "open"],
  history: false
})

const switcher = (viewer: Viewer, choices: ReadonlyArray<ViewerChoice>): Html => html`
<form class="switcher" method="post" action="${VIEWER}">
  <label for="viewer">Looking as</label>
  <select id="viewer" name="viewer">${choices.map(
    ({ userId, name }) =>
      html`<option value="${userId}"${userId === viewer.userId ? html` selected` : NOTHING}>${name}</option>`
  )}</select>
  <button type="submit">Switch</button>
</form>`

const whoLooks = ({ viewer, choices }: Frame): Html => {
  if (viewer === null) return NOTHING
  if (choices.length > 0) return switcher(viewer, choices)
  return html`<p class="viewer"><span class="visually-hidden">Signed in as </span>${named(viewer.name ?? viewer.userId)}</p>`
}

/** The whole page. */
export const layout = (frame: Frame, { title, main, live }: Page): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<meta name="htmx-config" content="${HTMX_CONFIG}">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${ASSETS}/${frame.assets.style.name}">
${
  live === null
    ? NOTHING
    : html`<script src="${ASSETS}/${frame.assets.script.name}" defer></script>
`
}</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
  <a class="brand" href="${LIST}"><svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false"><path d="M12 2.5 20 5.6v6c0 4.9-3.3 8.4-8 9.9-4.7-1.5-8-5-8-9.9v-6L12 2.5Z"/><path class="tick" d="m8.3 12 2.6 2.7 4.9-5.4"/></svg>Countersign</a>
  ${whoLooks(frame)}
</header>
${
  live === null
    ? html`<main id="main" tabindex="-1">${main}</main>`
    : html`<main id="main" tabindex="-1" hx-sse:connect="${live}" hx-sse:close="gone" hx-swap="innerMorph">${main}</main>`
}
</body>
</html>
`
