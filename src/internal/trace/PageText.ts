/**
 * The page's elements.
 *
 * @module
 */

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

/** The HTML before the page's body. A live page asks its server for news. */
export const head = (title: string, style: string, isLive: boolean): string => {
  const policy = [
    ...["default-src 'none'", "script-src 'unsafe-inline'", "style-src 'unsafe-inline'", "img-src data:"],
    ...isLive ? ["connect-src 'self'"] : [],
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="${policy.join("; ")}">
<link rel="icon" href="data:,">
<title>${escape(title)} · guest-clock</title>
<style>${style}</style>
</head>
`
}

const bar = (name: string, kind = ""): string => `<i class="${kind}" style="background-color:var(--${name})"></i>`

const shape = (inner: string): string => `<svg viewBox="0 0 26 14" aria-hidden="true">${inner}</svg>`

const stroke = (name: string, width: number, dash = ""): string =>
  `fill="none" stroke="var(--${name})" stroke-width="${width}"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}`

const LEGEND: ReadonlyArray<readonly [kind: string, sign: string, text: string]> = [
  [
    "",
    shape(`<path d="M1 2L20 12" ${stroke("message", 1.5)}/><path d="M24 13l-7-1 4-4z" fill="var(--message)"/>`),
    "message, from its sending to its arrival",
  ],
  [
    "",
    shape(`<path d="M1 2L15 9" ${stroke("lost", 1.5, "4 3")}/><path d="M12 6l7 7m0-7l-7 7" ${stroke("lost", 2.5)}/>`),
    "message that is lost: there, or on its way",
  ],
  ["", shape(`<path d="M1 2L24 12" ${stroke("again", 3)}/>`), "sent again, after the same was lost"],
  ["", shape(`<path d="M1 2L24 12" ${stroke("message", 1.5, "2 3")}/>`), "copy: the message arrives twice"],
  ["in-simulated", bar("state0"), "what a process does, by the name that it gives it"],
  ["in-simulated", bar("busy"), "holds, works for simulated time"],
  ["in-simulated", bar("blocked", "slanted"), "waits for what others have"],
  ["in-simulated", bar("wait", "thin"), "waits for a message, or that time passes; idle"],
  ["in-simulated", bar("free", "upright"), "free-running: busy without having to ask the calendar"],
  ["in-real", bar("run"), "running itself"],
  ["in-real", bar("others", "upright"), "busy, but waits for others to catch up"],
  ["in-real", bar("wait", "thin"), "waiting, idle"],
  ["", bar("held", "slanted"), "held: simulated time stands still"],
  ["", bar("turn"), "whose turn it is, on a calendar"],
  ["", shape('<path d="M8 2h10l-5 10z" fill="var(--interrupt)"/>'), "interrupt"],
  ["", shape('<path d="M12 2h2v10h-2z" fill="var(--handler)"/>'), "handler: its own timer, or an event"],
  [
    "",
    shape('<path d="M13 1l5 6-5 6-5-6z" fill="var(--mark)"/>'),
    "note or mark; where there are many, a column of how many",
  ],
  ["", shape('<circle cx="13" cy="7" r="6" fill="var(--report)"/>'), "fault or report"],
]

const KEYS: ReadonlyArray<readonly [string, string]> = [
  ["1 2 3", "timeline, sequence, waits"],
  ["+ −", "zoom in and out; so does the wheel, where the pointer is"],
  ["← →", "earlier and later; or drag, or Shift and the wheel"],
  ["0", "all of it"],
  ["↑ ↓", "select in the lane above or below; in the sequence, the message before or after"],
  ["n p", "the next and the previous thing of its kind"],
  ["Enter", "as close as can be to what is selected; or double-click"],
  ["t", "simulated or real time"],
  ["/", "search: any words of a record; Enter and Shift+Enter go on"],
  ["Page Up, Down", "more lanes; or Alt and the wheel"],
  ["Esc", "select nothing"],
]

const toggle = (id: string, label: string, isOn: boolean): string =>
  `<label><input type="checkbox" id="${id}"${isOn ? " checked" : ""}>${label}</label>`

const menu = (name: string, label: string, inner: string): string =>
  `<details class="menu" id="${name}-menu"><summary>${label}</summary><div>${inner}</div></details>`

const LIVE = `<div id="live" role="group" aria-label="The world while it runs">
  <button id="pause">pause</button><button id="step" title="one turn">step</button>
  <label>pace <input type="text" id="pace" inputmode="decimal" placeholder="as fast as it can" aria-label="Simulated seconds a real second"></label>
  <span id="live-state" role="status"></span>
</div>`

/** The page's body, up to its data. */
export const body = (title: string, isLive: boolean): string =>
  `<body>
<header>
  <h1 title="${escape(title)}">${escape(title)}</h1>
  <span class="group" role="tablist" aria-label="View"><button id="tab-timeline" role="tab" aria-controls="timeline"
    aria-selected="true">timeline</button><button id="tab-sequence" role="tab" aria-controls="sequence"
    aria-selected="false">sequence</button><button id="tab-waits" role="tab" aria-controls="waits"
    aria-selected="false">waits</button></span>
  <span class="group" role="group" aria-label="Which time"><button id="simulated">simulated</button><button
    id="real">real</button></span>
  <span class="group"><button id="out" aria-label="Zoom out">−</button><button id="in" aria-label="Zoom in">+</button><button
    id="fit" title="all of it">all</button></span>
  <span id="range"></span>
  <span class="grow"></span>
  <span id="found" role="status"></span>
  <span class="group"><input type="search" id="search" placeholder="search  ( / )" aria-label="Search records"><button
    id="previous" aria-label="Previous found">‹</button><button id="next" aria-label="Next found">›</button></span>
  ${
    menu(
      "filter",
      "filter",
      `<input type="search" id="filter" placeholder="guests named" aria-label="Only guests named">
      <select id="link" aria-label="Link"><option value="">all links</option></select>
      <select id="kind" aria-label="Kind of message"><option value="">all kinds of messages</option></select>
      <input type="search" id="text" placeholder="messages that say" aria-label="Only messages that say">
      ${toggle("only-lost", "only messages that are lost, or sent again", false)}
      ${toggle("show-messages", "messages", true)} ${toggle("show-marks", "notes and marks", true)}
      ${toggle("show-handlers", "handlers and interrupts", true)} ${toggle("show-calendar", "the calendar", true)}
      ${toggle("show-protocol", "messages of the calendar's protocol", false)}`,
    )
  }
  ${menu("curves", "curves", `<div id="curve-choices"></div>`)}
  ${
    menu(
      "legend",
      "legend",
      `<div class="legend">${
        LEGEND.map(([kind, sign, text]) => `<span class="${kind}">${sign}${text}</span>`).join("")
      }</div>`,
    )
  }
  <button id="theme" class="wide" aria-label="Light or dark" title="light or dark">◐</button>
  <button id="keys" class="wide" aria-label="Keys">?</button>
</header>
${isLive ? LIVE : ""}
<main>
  <div class="picture">
    <section id="timeline" role="tabpanel" aria-labelledby="tab-timeline">
      <canvas id="overview" aria-label="The whole trace in little"></canvas>
      <canvas id="lanes" tabindex="0" role="img" aria-label="The timeline: a lane for each guest. What is selected is told beside it; keys: question mark"></canvas>
      <div id="curves" aria-label="Curves"></div>
    </section>
    <section id="sequence" role="tabpanel" aria-labelledby="tab-sequence" hidden></section>
    <section id="waits" role="tabpanel" aria-labelledby="tab-waits" hidden></section>
  </div>
  <aside><div id="selected" aria-live="polite"></div><div id="record"></div></aside>
</main>
<div id="tip" hidden></div>
<dialog id="help"><table>${
    KEYS.map(([keys, does]) => `<tr><td><kbd>${keys}</kbd></td><td>${does}</td></tr>`).join("")
  }</table><form method="dialog"><button>close</button></form></dialog>
<noscript>This page draws a timeline, for which it needs JavaScript.</noscript>
`
