/** PostgreSQL keeps the laws that every adapter keeps, as a server and embedded. */
import { EmbeddedPostgres } from "@countersign/adapters"
import {
  auditLogLaws,
  boardLaws,
  eventsLaws,
  factsLaws,
  fenceLaws,
  holdLaws,
  noticesLaws,
  pauseLaws,
  runQueueLaws,
  runStoreLaws,
  schedulesLaws,
  unitOfWorkLaws
} from "@countersign/adapters/testing"
import type { RunId, ScheduleId } from "@countersign/domain"
import { Effect, type Layer } from "effect"
import { SqlClient } from "effect/sql"
import { layerFreshDatabase } from "../../support/postgres.ts"
import { type Clients, layerPorts } from "./support.ts"

/** Only a count that is no whole number passes the constraints: what is dispatched cannot be changed at all. */
const corrupt = (id: RunId) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`UPDATE countersign.runs SET counts = '{"deleted": "many"}' WHERE id = ${id}`
  )

/** No constraint knows which control characters a name may not hold. */
const spoil = (id: ScheduleId) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql`UPDATE countersign.schedules SET cron = ${"0 0\n* * *"} WHERE id = ${id}`
  )

const keepsTheLaws = <E>(name: string, client: () => Layer.Layer<Clients, E>) => {
  unitOfWorkLaws(name, layerPorts(client()))
  runStoreLaws(name, layerPorts(client()))
  runQueueLaws(name, layerPorts(client()), { corrupt })
  noticesLaws(name, layerPorts(client()))
  pauseLaws(name, layerPorts(client()))
  schedulesLaws(name, layerPorts(client()), { corrupt: spoil })
  auditLogLaws(name, layerPorts(client()))
  eventsLaws(name, layerPorts(client()))
  boardLaws(name, layerPorts(client()))
  factsLaws(name, layerPorts(client()))
  fenceLaws(name, layerPorts(client()))
  holdLaws(name, layerPorts(client()))
}

keepsTheLaws("server", () => layerFreshDatabase())
keepsTheLaws("embedded", () => EmbeddedPostgres.layer())
