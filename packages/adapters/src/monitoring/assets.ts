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

const read = (file: string, url: string, contentType: string): Asset => {
  const content = readFileSync(fileURLToPath(url))
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 16)
  const [stem = file, ending = ""] = file.split(/\.(?=[^.]+$)/)
  return { name: `${stem}-${digest}.${ending}`, contentType, content }
}

const SCRIPT = "text/javascript; charset=utf-8"

/** Every asset of the pages. */
export interface Assets {
  readonly style: Asset
  readonly scripts: ReadonlyArray<Asset>
  readonly byName: ReadonlyMap<string, Asset>
}

/** Reads them; throws when the package is not whole. */
export const readAssets = (): Assets => {
  const style = read(
    "monitoring.css",
    new URL("../../assets/monitoring.css", import.meta.url).href,
    "text/css; charset=utf-8"
  )
  const scripts = [
    read("htmx.js", import.meta.resolve("htmx.org/dist/htmx.min.js"), SCRIPT),
    read("hx-sse.js", import.meta.resolve("htmx.org/dist/ext/hx-sse.min.js"), SCRIPT)
  ]
  return { style, scripts, byName: new Map([style, ...scripts].map((asset) => [asset.name, asset])) }
}
