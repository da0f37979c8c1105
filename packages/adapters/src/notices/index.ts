/** Channels that deliver notices. */
export { all, layerAll } from "./all.ts"
export { layerLog, logChannel } from "./log.ts"
