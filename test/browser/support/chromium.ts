/** The browser of the tests: Debian's chromium, or the one that CHROMIUM names. */
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { chromium } from "playwright-core"

const NAMES = ["chromium", "chromium-browser", "google-chrome"]

const onPath = (): string | undefined =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path))

/** Where it is; undefined when there is none. */
export const chromiumPath: string | undefined = process.env.CHROMIUM || onPath()

if (chromiumPath === undefined) {
  const said =
    "THE PAGES ARE NOT TESTED: there is no Chromium. Install one (apt-get install chromium), or name it with CHROMIUM."
  if (process.env.CI) throw new Error(said)
  process.stderr.write(`\n${said}\n\n`)
}

/** Starts it. */
export const launch = () =>
  chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })
