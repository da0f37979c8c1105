import { Logger } from "effect"

/** Races log a lot, and expectedly. */
export const layerSilence = Logger.layer([])
