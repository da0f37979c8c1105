/** What each check says of a snapshot when it is asked by itself, in the order of the contract. */
import { checks, type Failure, type Snapshot } from "@countersign/domain"

export const answersTo = (snapshot: Snapshot): ReadonlyArray<"passed" | "not_applicable" | Failure> =>
  checks.map(({ applies, failureOf }) => failureOf(snapshot) ?? (applies(snapshot) ? "passed" : "not_applicable"))

/** The failures among them. */
export const failuresOf = (snapshot: Snapshot): ReadonlyArray<Failure> =>
  answersTo(snapshot).filter((answer) => typeof answer !== "string")
