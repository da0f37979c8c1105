/** The way to a customer's provider: what the host's connector knows, and the provider's answers as what they mean for a run. */
import { AttemptFailed } from "@countersign/worker"
import { Context, Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { SqlClient, type SqlError } from "effect/sql"

/** A thing of the provider's, by id and name. */
export const Item = Schema.Struct({ id: Schema.NonEmptyString, name: Schema.String })
export type Item = typeof Item.Type
/** Some things, and after which of them the next page begins; null on the last page. */
export const Page = Schema.Struct({ items: Schema.Array(Item), next: Schema.NullOr(Schema.NonEmptyString) })
export type Page = typeof Page.Type
const Group = Schema.Struct({ ...Item.fields, members: Schema.Int })
const Health = Schema.Struct({ provider: Schema.NonEmptyString })

type Asked<A> = Effect.Effect<A, AttemptFailed>
type PageAfter = (after: string) => Asked<Page>

/** What can be asked of one customer's provider. Every failure says whether another attempt may help, and when. */
export interface Connector {
  readonly health: Asked<typeof Health.Type>
  /** A page of devices; after nothing (`""`) the first one. */
  readonly devices: PageAfter
  readonly policies: PageAfter
  readonly groups: Asked<ReadonlyArray<typeof Group.Type>>
  /** Creates the policy, or replaces it. */
  readonly putPolicy: (policy: Item) => Asked<void>
  /** `gone`: somebody deleted it before, perhaps an earlier attempt. */
  readonly deletePolicy: (id: string) => Asked<"deleted" | "gone" | "locked">
}

/** Finds the connector of a run. */
export class Connectors extends Context.Service<
  Connectors,
  { readonly of: (id: string) => Effect.Effect<Connector, AttemptFailed | SqlError.SqlError> }
>()("tenant-operations/Connectors") {
  /** From the host's table, over real HTTP. */
  static readonly layer: Layer.Layer<Connectors, never, SqlClient.SqlClient | HttpClient.HttpClient> = Layer.effect(
    Connectors,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const http = yield* HttpClient.HttpClient
      return Connectors.of({
        of: Effect.fnUntraced(function* (id) {
          const [row] = yield* sql<Row>`SELECT base_url, token FROM msp.connectors WHERE id = ${id}`
          if (row === undefined) return yield* UNKNOWN
          return connectorTo(row, http)
        })
      })
    })
  )
}

interface Row {
  readonly base_url: string
  readonly token: string
}

const failed = (code: string, message: string, retry: boolean) =>
  new AttemptFailed({ code: `provider.${code}`, message, retry })

const UNKNOWN = failed("unknown", "The connector is not set up.", false)
const UNAUTHORIZED = failed("unauthorized", "The provider does not accept the connector's credentials.", false)
const UNAVAILABLE = failed("unavailable", "The provider cannot be reached right now.", true)
const UNINTELLIGIBLE = failed("unintelligible", "The provider gave an answer nobody understands.", true)

/** No provider keeps a run waiting for longer than an hour. */
const RETRY_AFTER_MAX_SECONDS = 3_600

const busy = (retryAfter: string | undefined): AttemptFailed => {
  const { code, message, retry } = failed("busy", "The provider is busy.", true)
  const seconds = Number(retryAfter)
  if (!(seconds > 0)) return new AttemptFailed({ code, message, retry })
  const retryAfterMillis = Math.ceil(Math.min(seconds, RETRY_AFTER_MAX_SECONDS) * 1_000)
  return new AttemptFailed({ code, message, retry, retryAfterMillis })
}

const meaningOf = ({ status, headers }: HttpClientResponse.HttpClientResponse): AttemptFailed => {
  if (status === 401 || status === 403) return UNAUTHORIZED
  return status === 429 ? busy(headers["retry-after"]) : UNAVAILABLE
}

const connectorTo = ({ base_url, token }: Row, http: HttpClient.HttpClient): Connector => {
  /** The response, if its status is 2xx or one of these. */
  const send = (request: HttpClientRequest.HttpClientRequest, alsoFine: ReadonlyArray<number> = []) =>
    request.pipe(
      HttpClientRequest.prependUrl(base_url),
      HttpClientRequest.bearerToken(token),
      http.execute,
      Effect.mapError(() => UNAVAILABLE),
      Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.fail(UNAVAILABLE) }),
      Effect.filterOrFail(({ status }) => (status >= 200 && status < 300) || alsoFine.includes(status), meaningOf)
    )
  const get = <A>(path: string, schema: Schema.Codec<A, unknown>): Asked<A> =>
    Effect.flatMap(send(HttpClientRequest.get(path)), (response) =>
      Effect.mapError(HttpClientResponse.schemaBodyJson(schema)(response), () => UNINTELLIGIBLE)
    )
  const pageOf = (kind: string) => (after: string) => get(`${kind}?after=${encodeURIComponent(after)}`, Page)
  const policyAt = (id: string) => `policies/${encodeURIComponent(id)}`
  return {
    health: get("health", Health),
    devices: pageOf("devices"),
    policies: pageOf("policies"),
    groups: get("groups", Schema.Array(Group)),
    putPolicy: (policy) =>
      Effect.asVoid(send(HttpClientRequest.put(policyAt(policy.id)).pipe(HttpClientRequest.bodyJsonUnsafe(policy)))),
    deletePolicy: (id) =>
      Effect.map(send(HttpClientRequest.delete(policyAt(id)), [404, 423]), ({ status }) =>
        status === 404 ? "gone" : status === 423 ? "locked" : "deleted"
      )
  }
}
