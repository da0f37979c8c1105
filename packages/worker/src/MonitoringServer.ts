/** Serving Monitoring from this process. Imported where it is used alone: a worker that serves no pages does not load them. */
import { createServer } from "node:http"
import { layerMonitoring, MONITORING_ADDRESS, type MonitoringOptions } from "@countersign/adapters/monitoring"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"

/** Where it listens, and what it shows. */
export interface MonitoringServerOptions extends MonitoringOptions {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
}

/** Nobody can listen there. */
export class PortUnavailable extends Schema.TaggedError<PortUnavailable>()("PortUnavailable", {
  host: Schema.String,
  port: Schema.Int,
  cause: Schema.Defect()
}) {
  override get message() {
    return `cannot listen on ${this.host}, port ${this.port}`
  }
}

/** Serves the pages for as long as the scope lasts, and answers with their address. */
export const serveMonitoring = Effect.fn("serveMonitoring")(function* ({
  host,
  port,
  ...options
}: MonitoringServerOptions) {
  const server = NodeHttpServer.layerServer(createServer, { host, port, disablePreemptiveShutdown: true })
  const serving = HttpRouter.serve(layerMonitoring(options), { disableLogger: true, disableListenLog: true })
  const built = yield* Layer.build(
    serving.pipe(Layer.provideMerge(server), Layer.provide(NodeHttpServer.layerHttpServices))
  ).pipe(Effect.catchTag("ServeError", ({ cause }) => Effect.fail(new PortUnavailable({ host, port, cause }))))
  const { address } = Context.get(built, HttpServer.HttpServer)
  return `${HttpServer.formatAddress(address)}${MONITORING_ADDRESS}`
})
