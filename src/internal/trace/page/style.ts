/**
 * What the page looks like. The colours are Okabe's and Ito's, which the colour-blind
 * can tell apart, in one set for light and one for dark; signs differ in shape as well.
 *
 * @module
 */

const LIGHT = `color-scheme: light;
  --background: #ffffff; --panel: #f5f6f8; --text: #16191d; --muted: #565e69; --grid: #dfe3e8;
  --run: #0072b2; --busy: #0072b2; --free: #56b4e9; --wait: #b9c0c9; --others: #cfd6de; --held: #e69f00;
  --turn: #8fd3bd; --onBar: #101820; --interrupt: #d55e00; --handler: #4a5360; --mark: #9a3f7d; --report: #c1121f;
  --flow: #565e69; --selection: #16191d; --selectedLane: #eef4fa; --veil: rgba(120, 130, 145, 0.25);
  --texture: rgba(255, 255, 255, 0.5); --message: #3d6a99; --lost: #d0021b; --lostText: #b00018; --again: #e07b00;
  --againText: #9a5200; --blocked: #f2b27a; --queue: #d55e00; --curve: #0072b2; --curveFill: rgba(0, 114, 178, 0.12);
  --track: #eceff3; --state0: #9fd0ee; --state1: #f6d183; --state2: #94d6bf; --state3: #e9b8d4; --state4: #f3b795; --state5: #c5c9ee;
  --state6: #e8e48a; --state7: #c9ced6;`

const DARK = `color-scheme: dark;
  --background: #14171b; --panel: #1b1f25; --text: #eceff3; --muted: #a3acb8; --grid: #2c323a;
  --run: #3b9be0; --busy: #3b9be0; --free: #a5d8f7; --wait: #4d5662; --others: #5b6876; --held: #f0b429;
  --turn: #1d6b55; --onBar: #f4f7fa; --interrupt: #ff8a3d; --handler: #c3cad3; --mark: #e08cc3; --report: #ff6b6b;
  --flow: #a3acb8; --selection: #ffffff; --selectedLane: #1d2732; --veil: rgba(0, 0, 0, 0.5);
  --texture: rgba(20, 23, 27, 0.45); --message: #8fb8de; --lost: #ff5b64; --lostText: #ff8b90; --again: #ffa733;
  --againText: #ffc06b; --blocked: #a55a1e; --queue: #ff8a3d; --curve: #5cb4f0; --curveFill: rgba(92, 180, 240, 0.16);
  --track: #222831; --state0: #1f5f8a; --state1: #82620f; --state2: #1d6b55; --state3: #803d66; --state4: #86431c; --state5: #484e94;
  --state6: #66621a; --state7: #4d5662;`

/** The style sheet. */
export const style: string = `
:root { ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
:root[data-theme="light"] { ${LIGHT} }
:root[data-theme="dark"] { ${DARK} }
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--background); color: var(--text);
  font: 13px/1.4 system-ui, sans-serif; }
[hidden] { display: none !important; }
header { display: flex; gap: 10px; align-items: center; padding: 4px 12px; height: 40px; min-width: 0;
  border-bottom: 1px solid var(--grid); white-space: nowrap; }
h1 { font-size: 14px; margin: 0; overflow: hidden; text-overflow: ellipsis; min-width: 5em; flex: 0 1 auto; }
#range { color: var(--muted); font-variant-numeric: tabular-nums; overflow: hidden; text-overflow: ellipsis; flex: 0 2 auto; }
.grow { flex: 1 1 0; }
.group { display: inline-flex; flex: none; }
.group > * { border-radius: 0; margin-left: -1px; }
.group > :first-child { border-radius: 6px 0 0 6px; margin-left: 0; }
.group > :last-child { border-radius: 0 6px 6px 0; }
button, summary, select, input[type="search"], input[type="text"] { font: inherit; color: inherit; background: var(--panel);
  border: 1px solid var(--grid); border-radius: 6px; padding: 2px 8px; min-height: 26px; }
button, summary { cursor: pointer; }
button:hover, summary:hover { border-color: var(--muted); }
button:disabled { opacity: 0.5; cursor: default; }
button[aria-pressed="true"], button[aria-selected="true"] { background: #0072b2; border-color: #0072b2; color: #ffffff; }
button.link { border: none; background: none; padding: 0; min-height: 0; text-align: left; text-decoration: underline dotted; }
:focus-visible { outline: 2px solid #e07b00; outline-offset: 1px; }
canvas:focus-visible { outline: none; }
input[type="search"] { width: 13em; cursor: text; min-width: 6em; }
label { display: flex; gap: 6px; align-items: center; cursor: pointer; }
#found { color: var(--muted); font-variant-numeric: tabular-nums; }
details.menu { position: relative; flex: none; }
details.menu > summary { list-style: none; }
details.menu > summary::-webkit-details-marker { display: none; }
details.menu > div { position: absolute; right: 0; top: 32px; z-index: 3; background: var(--panel); border: 1px solid var(--grid);
  border-radius: 8px; padding: 12px 14px; min-width: 270px; max-width: 520px; max-height: 70vh; overflow: auto;
  box-shadow: 0 8px 28px rgba(0, 0, 0, 0.25); display: grid; gap: 8px; white-space: normal; }
details.menu input[type="search"], details.menu input[type="text"], details.menu select { width: 100%; }
.legend span { display: flex; gap: 8px; align-items: center; }
.legend i { display: inline-block; width: 26px; height: 12px; border-radius: 2px; flex: none; }
.legend i.thin { height: 4px; }
.legend i.slanted { background-image: repeating-linear-gradient(135deg, transparent 0 4px, var(--texture) 4px 5.5px); }
.legend i.upright { background-image: repeating-linear-gradient(90deg, transparent 0 4px, var(--texture) 4px 5.5px); }
.legend svg { width: 26px; height: 14px; flex: none; overflow: visible; }
[data-axis="simulated"] .in-real, [data-axis="real"] .in-simulated { display: none !important; }
#live { display: flex; gap: 8px; align-items: center; padding: 4px 12px; background: var(--panel); border-bottom: 1px solid var(--grid); }
#live input { width: 8em; }
main { flex: 1; display: flex; min-height: 0; }
.picture { flex: 1; min-width: 0; position: relative; }
.picture > section { position: absolute; inset: 0; }
#timeline { display: flex; flex-direction: column; }
canvas { display: block; width: 100%; }
#overview { height: 44px; border-bottom: 1px solid var(--grid); cursor: col-resize; touch-action: none; }
#lanes { flex: 1; min-height: 0; height: 0; cursor: crosshair; touch-action: none; }
#curves { flex: none; max-height: 46%; overflow: hidden auto; border-top: 1px solid var(--grid); scrollbar-width: none; }
.curve { border-bottom: 1px solid var(--grid); position: relative; }
.curve h3 { position: absolute; z-index: 1; margin: 0; left: 140px; top: 2px; font-size: 12px; font-weight: 600; pointer-events: none;
  background: var(--background); padding: 0 5px; border-radius: 3px; opacity: 0.92; }
.curve h3 span { color: var(--lostText); font-weight: 400; margin-left: 10px; }
#sequence, #waits { overflow: auto; }
#waits { padding: 14px 18px; }
#waits table { border-collapse: collapse; width: 100%; }
#waits caption { text-align: left; font-weight: 600; padding-bottom: 8px; }
#waits th, #waits td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--grid); }
#waits .number { text-align: right; font-variant-numeric: tabular-nums; }
.histogram { display: flex; align-items: flex-end; gap: 1px; height: 28px; }
.histogram i { width: 7px; background: var(--curve); }
.sequence-head { position: sticky; top: 0; height: 28px; background: var(--panel); border-bottom: 1px solid var(--grid); z-index: 2; }
.sequence-head span { position: absolute; top: 4px; transform: translateX(-50%); font-weight: 600; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.sequence-space { position: relative; overflow: hidden; margin-top: 8px; }
.sequence-space canvas { position: absolute; top: 0; left: 0; }
.sequence-row { position: absolute; left: 0; right: 0; height: 24px; cursor: pointer; white-space: nowrap; }
.sequence-row:hover { background: var(--curveFill); }
.sequence-row[aria-current] { background: var(--curveFill); outline: 1px solid var(--selection); outline-offset: -1px; }
.sequence-time { position: absolute; left: 10px; width: 112px; top: 3px; color: var(--muted); font-variant-numeric: tabular-nums; }
.sequence-text { position: absolute; top: -5px; overflow: hidden; text-overflow: ellipsis; font-size: 12px; padding: 0 3px; }
aside { width: 310px; flex: none; overflow: auto; border-left: 1px solid var(--grid); background: var(--panel); padding: 10px 14px; }
aside h2 { font-size: 15px; margin: 0 0 8px; overflow-wrap: anywhere; }
aside h3 { font-size: 12px; margin: 14px 0 3px; color: var(--muted); font-weight: 600; }
aside ul { margin: 0; padding-left: 16px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; margin: 0 0 8px; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 12px/1.5 ui-monospace, monospace; margin: 0; padding: 8px 10px;
  background: var(--background); border: 1px solid var(--grid); border-radius: 6px; }
.hint { color: var(--muted); margin: 0; }
#tip { position: fixed; z-index: 4; max-width: 460px; padding: 4px 9px; border-radius: 6px; pointer-events: none;
  background: var(--text); color: var(--background); }
dialog { border: 1px solid var(--grid); border-radius: 10px; background: var(--panel); color: var(--text); max-width: 560px; }
dialog table { border-spacing: 14px 4px; }
kbd { font: 12px ui-monospace, monospace; border: 1px solid var(--grid); border-radius: 4px; padding: 1px 6px;
  background: var(--background); white-space: nowrap; }
.uplot, .uplot *, .uplot *::before, .uplot *::after { box-sizing: border-box; }
.uplot { line-height: 1.5; }
.u-wrap { position: relative; user-select: none; }
.u-over, .u-under { position: absolute; }
.uplot canvas { display: block; position: relative; width: 100%; height: 100%; }
.u-cursor-x { position: absolute; left: 0; top: 0; height: 100%; border-right: 1px solid var(--muted); pointer-events: none;
  will-change: transform; }
.u-off, .u-select { display: none; }
@media (max-width: 900px) { aside { width: 220px; } #range, .wide { display: none; } }
@media (max-width: 640px) { main { flex-direction: column; } aside { width: auto; max-height: 35%; border-left: none;
  border-top: 1px solid var(--grid); } }
`
