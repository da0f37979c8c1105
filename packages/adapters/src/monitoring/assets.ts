/**
 * What pages load besides themselves: one style sheet of ours, htmx and its extension for server-sent events. Each is served under a
 * name that changes with its content, so that browsers may keep it for ever.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** One file, as it is sent. */
export interface Asset {
  /** With a digest of the content in it. */
  readonly name: string
  readonly contentType: string
  readonly content: Uint8Array
}

const assetOf = (stem: string, ending: string, contentType: string, content: Uint8Array): Asset => {
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 16)
  return { name: `${stem}-${digest}.${ending}`, contentType, content }
}

/** Found by its name, also from a bundle. */
const read = (name: string): Uint8Array => readFileSync(fileURLToPath(import.meta.resolve(name)))

/** Every asset of the pages. */
export interface Assets {
  readonly style: Asset
  readonly script: Asset
  readonly byName: ReadonlyMap<string, Asset>
}

/** Reads them; throws when the package is not whole. */
export const readAssets = (): Assets => {
  const css = read("@countersign/adapters/monitoring.css")
  // One file: htmx looks at the page as soon as it is there, and its extension has to be there by then.
  const scripts = ["htmx.org/dist/htmx.min.js", "htmx.org/dist/ext/hx-sse.min.js"]
    .map((module) => new TextDecoder().decode(read(module)))
    .map((text) => text.replace(/^\/\/# sourceMappingURL=.*$/m, ""))
  const style = assetOf("monitoring", "css", "text/css; charset=utf-8", css)
  const script = assetOf(
    "live",
    "js",
    "text/javascript; charset=utf-8",
    new TextEncoder().encode(scripts.join("\n;\n"))
  )
  return { style, script, byName: new Map([style, script].map((asset) => [asset.name, asset])) }
}
