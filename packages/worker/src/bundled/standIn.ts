/**
 * A bundle that stands in for the files it was made from: whoever imports one of them, by whatever name, gets the copy in the bundle. A
 * host's app, and the libraries it brings, thereby meet the very `effect` and the very classes that the command line runs on.
 *
 * Imports nothing but Node's own modules, and nothing of them by name that an old Node has not.
 */
import { existsSync, readFileSync } from "node:fs"
import * as nodeModule from "node:module"

/** What the bundle was made from: versions by the names of packages. The bundler writes it beside the bundle. */
const PACKAGES = "packages.json"

/** A package of which the bundle holds files: each under the package's name and its own path. */
interface Package {
  readonly installed: string
  readonly bundled: URL
}

/** From now on imports of what this folder's bundle holds lead into it; false, and nothing has changed, when other versions are installed. */
export const standIn = (bundle: URL): boolean => {
  const versions: Readonly<Record<string, string>> = JSON.parse(readFileSync(new URL(PACKAGES, bundle), "utf8"))
  const packages: Array<Package> = []
  for (const [name, version] of Object.entries(versions)) {
    const manifest = installedManifest(name)
    if (manifest === null || JSON.parse(readFileSync(new URL(manifest), "utf8")).version !== version) return false
    packages.push({ installed: new URL("./", manifest).href, bundled: new URL(`${name}/`, bundle) })
  }
  nodeModule.registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const resolved = nextResolve(specifier, context)
      const url = bundledAt(resolved.url, packages)
      return url === null ? resolved : { ...resolved, url, format: "module", shortCircuit: true }
    }
  })
  return true
}

const installedManifest = (name: string): string | null => {
  try {
    return import.meta.resolve(`${name}/package.json`)
  } catch {
    return null
  }
}

const bundledAt = (url: string, packages: ReadonlyArray<Package>): string | null => {
  const found = packages.find(({ installed }) => url.startsWith(installed))
  if (found === undefined) return null
  const file = new URL(url.slice(found.installed.length), found.bundled)
  return existsSync(file) ? file.href : null
}
