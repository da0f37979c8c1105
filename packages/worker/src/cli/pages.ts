/** The pages about runs, served by a command. What they are made with is loaded when they are asked for. */
import { Effect } from "effect"
import type { MonitoringServerOptions } from "../MonitoringServer.ts"
import { cliFailure } from "./CliFailure.ts"

/** Serves the pages and answers with their address. */
export const servePages = Effect.fn("servePages")(function* (options: MonitoringServerOptions) {
  const { serveMonitoring } = yield* Effect.promise(() => import("../MonitoringServer.ts"))
  return yield* serveMonitoring(options).pipe(
    Effect.catchTag("PortUnavailable", ({ message }) =>
      Effect.fail(
        cliFailure(
          "monitor.port",
          message,
          "something else may listen there: choose another port, or 0 for any that is free"
        )
      )
    )
  )
})
