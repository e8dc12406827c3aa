/**
 * A trace that is viewed while the world still runs: gives its page what is new since it last asked.
 *
 * @module
 */
import type { News } from "./page/live.ts"
import { dataScript, PageMaker, scripts } from "./Page.ts"
import { body, head } from "./PageText.ts"
import { style } from "./page/style.ts"
import type { Sink } from "./Recorder.ts"

/** What its calendar does just now. */
export interface LiveState {
  readonly state: News["state"]
  readonly pace: number | undefined
}

/** A trace that is being made. */
export class LiveTrace {
  readonly #title: string
  readonly #chunks: Array<string> = []
  readonly #records: Array<readonly [string, number]> = []
  readonly #maker: PageMaker
  /** Where its records go. */
  readonly sink: Sink

  constructor(title: string) {
    this.#title = title
    const maker = this.#maker = new PageMaker({ sources: [] }, undefined, {
      chunk: (text) => this.#chunks.push(text),
      records: (text, count) => this.#records.push([text, count]),
    })
    this.sink = { source: (source) => maker.source(source), record: (record) => maker.take(record) }
  }

  /** There are no more records. */
  end(): void {
    this.#maker.end()
  }

  /** The page, which asks for the rest. */
  *page(): Generator<string> {
    yield head(this.#title, style, true)
    yield body(this.#title, true)
    yield dataScript({ ...this.#maker.data(this.#title, undefined), live: true, lanes: [], series: [] })
    yield* scripts(undefined)
  }

  /** What there is beyond so many chunks and blocks of records. */
  news(chunks: number, records: number, { state, pace }: LiveState): News {
    this.#maker.flush()
    return {
      chunks: this.#chunks.slice(chunks),
      records: this.#records.slice(records),
      data: { ...this.#maker.data(this.#title, undefined), live: state !== "over" },
      state,
      pace: pace ?? null,
    }
  }
}
