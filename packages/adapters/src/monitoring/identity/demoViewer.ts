/** The viewers of a demo: one may look as anybody of its cast, on the machine it runs on. */
import type { UserId } from "@countersign/domain"
import { Effect, Layer } from "effect"
import { type ViewerChoice, ViewerIdentity } from "../Viewer.ts"
import { isFromThisMachine } from "./loopback.ts"

/** Holds the id of the person as whom one looks. */
export const DEMO_COOKIE = "countersign_demo_viewer"

/** Whoever asks from this machine looks as the person they chose, and at first as the first of them. */
export const layerDemoViewer = (
  choices: readonly [ViewerChoice, ...ReadonlyArray<ViewerChoice>]
): Layer.Layer<ViewerIdentity> =>
  Layer.succeed(
    ViewerIdentity,
    ViewerIdentity.of({
      identify: (asking) => {
        if (!isFromThisMachine(asking)) return Effect.succeed(null)
        const chosen: UserId | string | undefined = asking.cookies[DEMO_COOKIE]
        const viewer =
          choices.find(({ userId }) => encodeURIComponent(userId) === chosen || userId === chosen) ?? choices[0]
        return Effect.succeed({ userId: viewer.userId, name: viewer.name, untilMillis: null })
      },
      choices
    })
  )
