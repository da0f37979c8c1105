/** As whom one may look at a demo: each sees something else, and one sees nothing. */
import type { ViewerChoice } from "@countersign/adapters/monitoring"
import { UserId } from "@countersign/domain"
import { type Cast, PEOPLE, type PersonName } from "./cast.ts"

const WHAT_THEN: Readonly<Partial<Record<PersonName, string>>> = {
  Ben: "may only read now",
  Finn: "left the workspace"
}

/** The manager who sees everything comes first. */
export const demoViewers = ({ person }: Cast): readonly [ViewerChoice, ...ReadonlyArray<ViewerChoice>] => {
  const choice = (name: PersonName): ViewerChoice => ({
    userId: UserId.make(person(name)),
    name: `${name}, ${WHAT_THEN[name] ?? PEOPLE[name]}`
  })
  return [choice("Eve"), choice("Ada"), choice("Ben"), choice("Finn")]
}
