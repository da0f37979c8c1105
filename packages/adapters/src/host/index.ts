/** Facts answered by a host, from anywhere. */
export { HostAnswer } from "./HostAnswer.ts"
export { HostFacts, type HostFactsOptions } from "./HostFacts.ts"
