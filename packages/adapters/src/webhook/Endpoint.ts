/**
 * A receiver of signed messages: its address, and the secrets it may know. While a secret is being changed there are two, and each
 * message has a signature of each.
 */
import { Redacted, Result } from "effect"
import { Webhook } from "standardwebhooks"
import { isThisMachine } from "../isThisMachine.ts"

/** A receiver, checked. Make it with {@link endpointOf}. */
export interface Endpoint {
  readonly url: URL
  readonly signers: readonly [Webhook, ...ReadonlyArray<Webhook>]
}

/** What is wrong with an address or a secret, and what to do about it. */
export interface EndpointProblem {
  readonly problem: string
  readonly advice: string
}

/** The specification asks for 24 to 64 bytes. */
const SECRET = /^(whsec_)?[A-Za-z0-9+/]{32,88}={0,2}$/
const SECRET_ADVICE = "make one with: echo whsec_$(openssl rand -base64 32)"
const SECRETS_MAX = 4

/** The address as it may be used, or why not. Text that is not encrypted stays on this machine. */
export const webhookUrl = (text: string): Result.Result<URL, EndpointProblem> => {
  const url = URL.parse(text)
  if (url === null) {
    return Result.fail({
      problem: "the receiver's address is not a URL",
      advice: "it looks like https://example.org/hook"
    })
  }
  if (url.username !== "" || url.password !== "") {
    return Result.fail({
      problem: "the receiver's address holds a user or password",
      advice: "leave it out: messages are signed"
    })
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isThisMachine(url))) {
    return Result.fail({
      problem: "the receiver's address is not https",
      advice: "only this machine is reached by http"
    })
  }
  return Result.succeed(url)
}

const signerOf = (secret: Redacted.Redacted): Result.Result<Webhook, EndpointProblem> => {
  const text = Redacted.value(secret)
  return SECRET.test(text)
    ? Result.try({
        try: () => new Webhook(text),
        catch: () => ({ problem: "a signing secret is not base64", advice: SECRET_ADVICE })
      })
    : Result.fail({ problem: "a signing secret is not base64 of 24 to 64 bytes", advice: SECRET_ADVICE })
}

/** A receiver at this address with these secrets, the newest first; or why there can be none. */
export const endpointOf = (
  url: string,
  secrets: ReadonlyArray<Redacted.Redacted>
): Result.Result<Endpoint, EndpointProblem> =>
  Result.gen(function* () {
    const checked = yield* webhookUrl(url)
    const signers: Array<Webhook> = []
    for (const secret of secrets) signers.push(yield* signerOf(secret))
    const [first, ...more] = signers
    if (first === undefined || more.length >= SECRETS_MAX) {
      return yield* Result.fail({ problem: `there are ${signers.length} signing secrets`, advice: SECRET_ADVICE })
    }
    return { url: checked, signers: [first, ...more] as const }
  })
