/**
 * How hard the tests of the domain try. Everything, unless `DOMAIN_TESTS=quick` is set: then the fact space is only visited as far as
 * three changes from a case in which all is in order. Mutation testing needs that, because it runs the tests once for every mutant.
 */
const quick = process.env.DOMAIN_TESTS === "quick"

export const effort = {
  /** How many dimensions of the fact space may differ from the case in which all is in order. */
  changes: quick ? 3 : Number.POSITIVE_INFINITY,
  /** The same for the laws, each of which is tried on one in so many ways through the decision. */
  changesForLaws: quick ? 4 : 6,
  representatives: quick ? 7 : 10,
  /** How often a property is tried. */
  runs: (number: number) => (quick ? Math.ceil(number / 20) : number)
}
