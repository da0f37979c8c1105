/**
 * Names and payloads that have broken stores before. All of them are legal here: a name may hold anything but control
 * characters and half surrogates, a payload anything that JSON can say.
 */
import {
  ActorKind,
  actorBound,
  type Dispatch,
  HostString,
  ID_MAX_LENGTH,
  OperationType,
  ProviderConnectionId,
  systemAuthority,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Arbitrary, Schema } from "effect"

/** Legal names, each hostile in its own way. */
export const HOSTILE_NAMES: ReadonlyArray<string> = [
  " ",
  "'; DROP TABLE runs; --",
  `"double" 'single' \`back\``,
  "back\\slash \\' \\\\ \\u0041 %s $1 \u0024{x} :name ?",
  "{curly,brackets}",
  '{"json": [1, null]}',
  "null",
  "NULL",
  "\\N",
  "0x00",
  "مرحبا بالعالم \u202Ereversed\u202C",
  "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 \u{1F9FF}",
  "e\u0301 is not \u00E9",
  "İıſß ΐ",
  "\u00A0\u2003\uFEFF\u200B\u2028\u2029",
  "\uFFFD\uFFFF",
  "__proto__",
  "constructor",
  "x".repeat(ID_MAX_LENGTH),
  "😀".repeat(Math.floor(ID_MAX_LENGTH / 2))
]

const nested = (depth: number): Schema.Json =>
  Array.from({ length: depth }).reduce<Schema.Json>((inner, _, at) => (at % 2 === 0 ? [inner] : { inner }), "innermost")

/** Payloads that JSON can say and every store gives back, compared as canonical JSON. */
export const HOSTILE_PAYLOADS: ReadonlyArray<Schema.Json> = [
  null,
  false,
  0,
  "",
  [],
  {},
  [[[]], {}, [null]],
  { "": { "": [""] } },
  { 10: "ten", 9: "nine", a: 1, A: 2, "a.b": 3, "a b": 4 },
  [1e308, -1e308, 5e-324, -0, 0.1, 1 / 3, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e21, 1e-7],
  HOSTILE_NAMES,
  Object.fromEntries(HOSTILE_NAMES.map((name, at) => [name, at])),
  "\u0001\u001F\u007F\u0080\b\f\n\r\t",
  "\u2028\u2029</script>",
  "x".repeat(100_000),
  Array.from({ length: 2000 }, (_, at) => at),
  nested(200)
]

/** Payloads JSON can say and PostgreSQL's `jsonb` cannot: a store gives them back, or refuses them whole. */
export const UNSTORABLE_PAYLOADS: ReadonlyArray<Schema.Json> = ["\u0000", { "\u0000": 1 }, "\uD800", ["\uDC00\uD800"]]

const FRAGMENTS = Schema.Literals([...HOSTILE_NAMES.map((name) => name.slice(0, 24)), "a", "B", "-", "_", "."])

/** Any legal name; a long one as often as a short one. */
export const hostStringArbitrary: Arbitrary.Arbitrary<string> = Arbitrary.array(Arbitrary.schema(FRAGMENTS), {
  minLength: 1,
  maxLength: 30
}).pipe(
  Arbitrary.map((fragments) => fragments.join("").slice(0, ID_MAX_LENGTH)),
  Arbitrary.filter(Schema.is(HostString))
)

/** Any of {@link HOSTILE_PAYLOADS}. */
export const payloadArbitrary: Arbitrary.Arbitrary<Schema.Json> = Arbitrary.schema(
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: HOSTILE_PAYLOADS.length - 1 }))
).pipe(Arbitrary.map((at) => HOSTILE_PAYLOADS[at] ?? null))

/** The parts of a dispatch that are the host's own words. */
export type HostsPart = Pick<Dispatch, "subject" | "initiatorName" | "payload" | "actorKind">

/** Dispatches in any words a host may use; a run without person, tenant or connection as often as one with them. */
export const hostsPartArbitrary: Arbitrary.Arbitrary<HostsPart> = Arbitrary.all({
  names: Arbitrary.array(hostStringArbitrary, { minLength: 6, maxLength: 6 }),
  isSystem: Arbitrary.schema(Schema.Boolean),
  hasTenant: Arbitrary.schema(Schema.Boolean),
  actorKind: Arbitrary.schema(ActorKind),
  payload: payloadArbitrary
}).pipe(
  Arbitrary.map(({ names, isSystem, hasTenant, actorKind, payload }) => {
    const [type = "t", workspace = "w", tenant = "t", connection = "c", user = "u", initiatorName = "n"] = names
    return {
      subject: {
        operationType: OperationType.make(type),
        authority: isSystem ? systemAuthority : actorBound(UserId.make(user)),
        scope: {
          workspaceId: WorkspaceId.make(workspace),
          tenantId: hasTenant ? TenantId.make(tenant) : null,
          providerConnectionId: hasTenant ? ProviderConnectionId.make(connection) : null
        }
      },
      initiatorName: isSystem ? null : initiatorName,
      actorKind,
      payload
    }
  })
)
