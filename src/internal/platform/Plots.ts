/**
 * Draws Vega-Lite's specifications, where that is installed: `vega` and `vega-lite` are packages that only plots need.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Tagged } from "../core/Tagged.ts"

/**
 * A plot can't be drawn.
 *
 * @since 0.1.0
 * @category errors
 */
export class PlotFailed extends Tagged<"PlotFailed"> {
  constructor(why: string, options?: ErrorOptions) {
    super("PlotFailed", `the plot can't be drawn: ${why}`, options)
  }
}

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

/** A specification as SVG. */
export const svg = (spec: unknown): Effect.Effect<string, PlotFailed> =>
  Effect.gen(function* () {
    const [vega, lite] = yield* Effect.tryPromise({
      try: () => Promise.all([import("vega"), import("vega-lite")]),
      catch: (cause) => new PlotFailed(`install the packages vega@6 and vega-lite@6 (${reasonOf(cause)})`, { cause }),
    })
    return yield* Effect.tryPromise({
      try: async () => {
        const { spec: compiled } = lite.compile(spec as Parameters<typeof lite.compile>[0])
        // Each number of its identifiers counts on from the last plot's: those would be other ones each time.
        vega.resetSVGDefIds()
        const view = new vega.View(vega.parse(compiled), { renderer: "none", logLevel: vega.Error })
        try {
          return await view.toSVG()
        } finally {
          view.finalize()
        }
      },
      catch: (cause) => new PlotFailed(reasonOf(cause), { cause }),
    })
  })
