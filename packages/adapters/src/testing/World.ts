/**
 * A corner of a store that belongs to one test: names nobody else uses, and an hour of its own. Laws share one store, and
 * what one leaves behind must not change what another sees.
 */
import { randomBytes } from "node:crypto"
import {
  actorBound,
  DecisionId,
  type Dispatch,
  OperationType,
  ProviderConnectionId,
  RunId,
  systemAuthority,
  TenantId,
  UserId,
  WorkspaceId
} from "@countersign/domain"
import { Effect } from "effect"

/** How long a world's time is; what a test does later than that meets another test. */
export const WORLD_LASTS_MILLIS = 60 * 60 * 1000

/** Names of one test, and what it dispatches under them. */
export interface World {
  readonly workspaceId: WorkspaceId
  readonly tenantId: TenantId
  readonly userId: UserId
  readonly connectionId: ProviderConnectionId
  readonly operationType: OperationType
  /** The beginning of the world's hour, epoch milliseconds. */
  readonly atMillis: number
  /** A person's run of this world; each call gives another, later than the one before. */
  readonly dispatch: (given?: Partial<Dispatch>) => Dispatch
  /** A run that no person started. */
  readonly systemDispatch: (given?: Partial<Dispatch>) => Dispatch
}

/**
 * A UUIDv7 of that time; of equal times, a greater `sequence` (0 to 4095) sorts later. The rest is random.
 *
 * Throws on a time or sequence that does not fit.
 */
const uuidV7 = (atMillis: number, sequence: number): string => {
  const time = atMillis.toString(16).padStart(12, "0")
  const [variant, rest] = [(8 + (randomBytes(1).readUInt8() % 4)).toString(16), randomBytes(8).toString("hex")]
  const random = `${variant}${rest.slice(0, 3)}-${rest.slice(3, 15)}`
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, "0")}-${random}`
}

/** A run id of that time and place among others of the same time. */
export const runIdAt = (atMillis: number, sequence = 0): RunId => RunId.make(uuidV7(atMillis, sequence))

/** A decision id of that time. */
export const decisionIdAt = (atMillis: number): DecisionId => DecisionId.make(uuidV7(atMillis, 0))

/** The first world's hour; each one made later lies an hour earlier. */
const FIRST_WORLD_MILLIS = Date.UTC(2030, 0, 1)
let worldsMade = 0

/**
 * A world that no other test has. It lies earlier than every world before it: whoever asks a store what is due or overdue
 * at a time of this world is not answered with what earlier tests left behind.
 */
export const makeWorld: Effect.Effect<World> = Effect.sync(() => {
  worldsMade += 1
  const atMillis = FIRST_WORLD_MILLIS - worldsMade * WORLD_LASTS_MILLIS
  const own = (name: string) => `${name}-${randomBytes(6).toString("hex")}`
  const world = {
    workspaceId: WorkspaceId.make(own("workspace")),
    tenantId: TenantId.make(own("tenant")),
    userId: UserId.make(own("user")),
    connectionId: ProviderConnectionId.make(own("connection")),
    operationType: OperationType.make(own("operation")),
    atMillis
  }
  let dispatches = 0
  const dispatch = (given: Partial<Dispatch> = {}): Dispatch => {
    dispatches += 1
    return {
      id: runIdAt(atMillis + Math.floor(dispatches / 4096), dispatches % 4096),
      subject: {
        operationType: world.operationType,
        authority: actorBound(world.userId),
        scope: {
          workspaceId: world.workspaceId,
          tenantId: world.tenantId,
          providerConnectionId: world.connectionId
        }
      },
      actorKind: "human",
      initiatorName: "Ada",
      payload: { number: dispatches },
      identity: own("identity"),
      maxAttempts: 3,
      priority: "normal",
      dispatchedAtMillis: atMillis,
      expiresAtMillis: atMillis + WORLD_LASTS_MILLIS,
      retryOf: null,
      slot: null,
      ...given
    }
  }
  const systemDispatch = (given: Partial<Dispatch> = {}): Dispatch => {
    const personal = dispatch()
    return {
      ...personal,
      subject: { ...personal.subject, authority: systemAuthority },
      actorKind: "scheduled",
      initiatorName: null,
      ...given
    }
  }
  return { ...world, dispatch, systemDispatch }
})
