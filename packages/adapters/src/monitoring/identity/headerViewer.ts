/** Viewers whom a proxy in front has recognised and names in a header. */
import { UserId } from "@countersign/domain"
import { Effect, Layer, Redacted, Schema } from "effect"
import { type Asking, ViewerIdentity } from "../Viewer.ts"
import { isSameSecret } from "./secrets.ts"

/** How the proxy names a viewer, and how it is known to be the proxy that does. */
export interface HeaderViewerOptions {
  /** Holds the viewer's id, such as `x-forwarded-user`. */
  readonly header: string
  /** Holds the viewer's name, if there is one. */
  readonly nameHeader?: string
  /** What only the proxy can say: at least one of the two, and all that are given have to be right. */
  readonly proxy: {
    /** The addresses it connects from. */
    readonly addresses?: ReadonlyArray<string>
    /** A header and the secret it holds. */
    readonly secret?: { readonly header: string; readonly value: Redacted.Redacted }
  }
}

const isUserId = Schema.is(UserId)

const withoutMapping = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, "")

/**
 * Believes the header only when the proxy sent it.
 *
 * **Gotchas**
 *
 * The proxy has to remove the headers from what it is sent, or every visitor can name themselves. As a web-standard handler the
 * address of the connection is not known: there only the secret tells the proxy.
 *
 * Throws a `RangeError` when nothing tells the proxy from anybody else.
 */
export const layerHeaderViewer = (options: HeaderViewerOptions): Layer.Layer<ViewerIdentity> => {
  const { addresses, secret } = options.proxy
  if (addresses === undefined && secret === undefined) {
    throw new RangeError("a trusted header needs the proxy's addresses or a secret, or everybody could send it")
  }
  const header = options.header.toLowerCase()
  const nameHeader = options.nameHeader?.toLowerCase()
  const isTheProxy = ({ headers, peerAddress }: Asking): boolean =>
    (addresses === undefined ||
      (peerAddress !== null && addresses.map(withoutMapping).includes(withoutMapping(peerAddress)))) &&
    (secret === undefined || isSameSecret(headers[secret.header.toLowerCase()], Redacted.value(secret.value)))
  return Layer.succeed(
    ViewerIdentity,
    ViewerIdentity.of({
      identify: (asking) => {
        const userId = asking.headers[header]
        if (!isUserId(userId) || !isTheProxy(asking)) return Effect.succeed(null)
        const name = nameHeader === undefined ? null : (asking.headers[nameHeader] ?? null)
        return Effect.succeed({ userId, name, untilMillis: null })
      },
      choices: []
    })
  )
}
