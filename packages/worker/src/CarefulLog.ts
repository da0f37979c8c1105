/** A log that disturbs nobody: a host's own logger may break, and what it was told about goes on. */
import { Effect, Layer, Logger } from "effect"

const carefully = (logger: Logger.Logger<unknown, unknown>): Logger.Logger<unknown, unknown> =>
  Logger.make((options) => {
    try {
      return logger.log(options)
    } catch {
      // There is nowhere left to tell of it.
      return undefined
    }
  })

/** The loggers at hand, each kept from throwing: between the end of an attempt and its settlement it would cost the attempt. */
export const layerCarefulLog: Layer.Layer<never> = Layer.effect(
  Logger.CurrentLoggers,
  Effect.map(Logger.CurrentLoggers, (loggers) => new Set([...loggers].map(carefully)))
)
