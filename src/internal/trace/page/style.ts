/**
 * What the page looks like. The colours are Okabe's and Ito's, which the colour-blind
 * can tell apart, in one set for light and one for dark; signs differ in shape as well.
 *
 * @module
 */

const LIGHT = `color-scheme: light;
  --background: #ffffff; --panel: #f5f6f8; --text: #16191d; --muted: #565e69; --grid: #dfe3e8;
  --run: #0072b2; --busy: #0072b2; --free: #56b4e9; --wait: #b9c0c9; --others: #cfd6de; --held: #e69f00;
  --turn: #8fd3bd; --onTurn: #0c3b2e; --interrupt: #d55e00; --handler: #4a5360; --mark: #9a3f7d; --report: #c1121f;
  --flow: #565e69; --selection: #16191d; --selectedLane: #eef4fa; --veil: rgba(120, 130, 145, 0.25);
  --texture: rgba(255, 255, 255, 0.45);`

const DARK = `color-scheme: dark;
  --background: #14171b; --panel: #1b1f25; --text: #eceff3; --muted: #a3acb8; --grid: #2c323a;
  --run: #3b9be0; --busy: #3b9be0; --free: #a5d8f7; --wait: #4d5662; --others: #5b6876; --held: #f0b429;
  --turn: #1d6b55; --onTurn: #d8f5ea; --interrupt: #ff8a3d; --handler: #c3cad3; --mark: #e08cc3; --report: #ff6b6b;
  --flow: #a3acb8; --selection: #ffffff; --selectedLane: #1d2732; --veil: rgba(0, 0, 0, 0.5);
  --texture: rgba(20, 23, 27, 0.35);`

/** The style sheet. */
export const style: string = `
:root { ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
:root[data-theme="light"] { ${LIGHT} }
:root[data-theme="dark"] { ${DARK} }
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--background); color: var(--text);
  font: 14px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 6px 22px; align-items: baseline; padding: 12px 16px 6px; }
h1 { font-size: 17px; margin: 0; }
header p { margin: 0; color: var(--muted); }
.controls { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; padding: 4px 16px 8px; }
.group { display: inline-flex; gap: 4px; align-items: center; }
button, input[type="search"] { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--grid);
  border-radius: 6px; padding: 3px 10px; min-height: 30px; }
button { cursor: pointer; }
button:hover { border-color: var(--muted); }
button[aria-pressed="true"] { background: var(--busy); border-color: var(--busy); color: #ffffff; }
:root[data-theme="dark"] button[aria-pressed="true"] { color: #0b1016; }
:focus-visible { outline: 2px solid var(--busy); outline-offset: 1px; }
canvas:focus-visible { outline: none; }
input[type="search"] { width: 15em; cursor: text; }
#filter { width: 9em; }
label { display: inline-flex; gap: 5px; align-items: center; cursor: pointer; }
#found, #range { color: var(--muted); font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 4px 16px 10px; color: var(--text); font-size: 13px; }
.legend span { display: inline-flex; gap: 7px; align-items: center; }
.legend i { display: inline-block; width: 22px; height: 14px; border-radius: 2px; }
.legend i.thin { height: 4px; }
.legend i.busy { background: var(--busy); }
.legend i.run { background: var(--run); }
.legend i.free { background: repeating-linear-gradient(90deg, var(--free) 0 4px, var(--texture) 4px 5.5px), var(--free); }
.legend i.others { background: repeating-linear-gradient(90deg, var(--others) 0 4px, var(--texture) 4px 5.5px), var(--others);
  height: 8px; }
.legend i.wait { background: var(--wait); }
.legend i.held { background: repeating-linear-gradient(180deg, var(--held) 0 3px, var(--texture) 3px 4.5px), var(--held); }
.legend i.turn { background: var(--turn); }
.legend svg { width: 14px; height: 14px; }
[data-axis="simulated"] .in-real, [data-axis="real"] .in-simulated { display: none !important; }
main { flex: 1; display: flex; min-height: 0; border-top: 1px solid var(--grid); }
.picture { flex: 1; display: flex; flex-direction: column; min-width: 0; }
canvas { display: block; width: 100%; }
#overview { height: 46px; border-bottom: 1px solid var(--grid); cursor: col-resize; touch-action: none; }
#lanes { flex: 1; min-height: 0; cursor: crosshair; touch-action: none; }
aside { width: 330px; overflow: auto; border-left: 1px solid var(--grid); background: var(--panel); padding: 12px 16px; }
aside h2 { font-size: 16px; margin: 0 0 8px; overflow-wrap: anywhere; }
aside h3 { font-size: 13px; margin: 16px 0 4px; color: var(--muted); font-weight: 600; }
aside ul { margin: 0; padding-left: 18px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 3px 12px; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 12px/1.5 ui-monospace, monospace; margin: 0; padding: 8px 10px;
  background: var(--background); border: 1px solid var(--grid); border-radius: 6px; }
.hint { color: var(--muted); margin: 0; }
#tip { position: fixed; z-index: 2; max-width: 460px; padding: 4px 9px; border-radius: 6px; pointer-events: none;
  background: var(--text); color: var(--background); font-size: 13px; }
#tip[hidden] { display: none; }
dialog { border: 1px solid var(--grid); border-radius: 10px; background: var(--panel); color: var(--text); max-width: 560px; }
dialog table { border-spacing: 14px 4px; }
kbd { font: 12px ui-monospace, monospace; border: 1px solid var(--grid); border-radius: 4px; padding: 1px 6px;
  background: var(--background); white-space: nowrap; }
@media (max-width: 800px) { main { flex-direction: column; } aside { width: auto; max-height: 40%; border-left: none;
  border-top: 1px solid var(--grid); } }
`
