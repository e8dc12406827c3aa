/**
 * What the parts of the page share: what is shown, and how.
 *
 * @module
 */
import type { Arrows, Filter } from "./arrows.ts"
import type { Shown } from "./bars.ts"
import type { Curves } from "./curves.ts"
import type { PageData } from "./data.ts"
import type { Describe } from "./details.ts"
import type { Drawing, Hit } from "./drawing.ts"
import type { Labels } from "./labels.ts"
import type { Layout, View } from "./layout.ts"
import type { Model } from "./model.ts"
import type { Overview } from "./overview.ts"
import type { Records } from "./records.ts"
import type { Sequence } from "./sequence.ts"
import type { Times } from "./times.ts"

/** What the page shows, and how. */
export interface Page {
  readonly element: <E extends HTMLElement>(id: string) => E
  /** Adds an element with a text to another one. */
  readonly put: (parent: HTMLElement, tag: string, text: string, className?: string) => HTMLElement
  readonly times: Times
  readonly records: Records
  readonly view: View
  readonly labels: Labels
  tab: "timeline" | "sequence" | "waits"
  theme: { readonly [name: string]: string }
  lanes: ReadonlyArray<number>
  selected: Hit | undefined
  cursor: number | undefined
  /** How long the last frame took to draw, in ms. */
  frameMs: number
  filter: Filter
  shown: () => Shown
  /** What has been made of the data, as it is now. */
  now: {
    readonly model: Model
    readonly layout: Layout
    readonly arrows: Arrows
    readonly describe: Describe
    readonly drawing: Drawing
    readonly overview: Overview
    readonly curves: Curves
    readonly sequence: Sequence
    readonly waits: { readonly show: (lanes: ReadonlyArray<number>) => void }
  }
  readonly redraw: () => void
  /** Draws at once. */
  readonly render: () => void
  readonly readTheme: () => void
  readonly update: (data: PageData) => void
  select: (hit: Hit | undefined) => void
}

/** The page's controls. */
export interface Controls {
  readonly begin: () => void
  /** There is more of it: the end is shown, if it was in sight. */
  readonly grown: () => void
}
