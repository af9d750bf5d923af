/** The report's style sheet. Colours are variables: one set for light, one for dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #16202c; --soft: #5a6675; --line: #dfe4ea; --grid: #edf0f4;
  --c0: #0b6bcb; --c1: #d9730d; --c2: #2f9e6e; --c3: #8a4fd1;
  --c4: #c2356b; --c5: #0f8f9c; --c6: #8a6d1b; --c7: #5a6675;
  --mine: #0b6bcb; --other: #b9c4d0; --bound: #7c8896; --wash: #e8f1fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151b; --card: #181f27; --ink: #e6ebf1; --soft: #97a4b3; --line: #2a343f; --grid: #222b35;
    --c0: #5aa9f5; --c1: #f0a04b; --c2: #57c795; --c3: #b68cf0;
    --c4: #f07fa8; --c5: #4cc7d4; --c6: #d1b04e; --c7: #97a4b3;
    --mine: #5aa9f5; --other: #3d4a58; --bound: #7f8d9d; --wash: #1b2c3f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; text-wrap: balance; }
h2 { font-size: 17px; margin: 40px 0 12px; }
h3 { font-size: 14px; margin: 0 0 8px; font-weight: 600; }
p { margin: 0; }
.kicker, .soft { color: var(--soft); }
.kicker { font-size: 13px; margin-bottom: 10px; }
.lead { font-size: 17px; max-width: 46em; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; min-width: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 24px; }
.tile { padding: 14px 16px; }
.tile b { display: block; font-size: 24px; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile.first b { color: var(--mine); }
.tile span { font-size: 13px; color: var(--soft); }
.note { margin-top: 10px; font-size: 13px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 8px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; font-size: 13px; color: var(--soft); white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; white-space: normal; padding-left: 8px; min-width: 108px; }
tbody tr:last-child td { border-bottom: 0; }
td small { display: block; color: var(--soft); font-size: 12.5px; }
tr.federated td { background: var(--wash); font-weight: 650; }
tr.federated td small { font-weight: 400; }
tr.federated td:first-child { box-shadow: inset 3px 0 var(--mine); }
.bars { margin-top: 2px; display: grid; grid-template-columns: minmax(72px, max-content) 1fr max-content; gap: 5px 10px; align-items: center; font-size: 13.5px; }
.bars .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 180px; }
.bars .track { height: 16px; border-radius: 4px; background: var(--grid); overflow: hidden; }
.bars .fill { height: 100%; border-radius: 4px; background: var(--other); min-width: 2px; }
.bars .federated.fill { background: var(--mine); }
.bars .pooled.fill { background: repeating-linear-gradient(135deg, var(--bound) 0 4px, transparent 4px 8px); }
.bars .value { text-align: right; font-variant-numeric: tabular-nums; }
.bars .strong { font-weight: 650; }
.bars .rest { grid-column: 1 / -1; color: var(--soft); }
.head { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: baseline; justify-content: space-between; margin: 40px 0 12px; }
.head h2 { margin: 0; }
.axis { display: inline-flex; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--card); }
.axis button { font: inherit; font-size: 13px; color: var(--soft); background: none; border: 0; padding: 5px 12px; cursor: pointer; }
.axis button[aria-pressed="true"] { background: var(--wash); color: var(--ink); font-weight: 600; }
.axis button:focus-visible { outline: 2px solid var(--mine); outline-offset: -2px; }
.key { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; color: var(--soft); margin-bottom: 4px; }
.key i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle; background: currentColor; }
.key .reference i { background: none; height: 0; border-top: 2px dashed currentColor; border-radius: 0; }
#charts .card { display: flex; flex-direction: column; }
.plot { position: relative; height: 220px; margin-top: auto; }
.tip { position: absolute; z-index: 10; pointer-events: none; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 7px 10px; font-size: 12.5px; line-height: 1.45; box-shadow: 0 4px 16px rgb(0 0 0 / 0.16); white-space: nowrap; font-variant-numeric: tabular-nums; }
.tip[hidden] { display: none; }
.tip b { font-weight: 600; }
.tip i { display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; }
pre { margin: 0; columns: 2 190px; font: 12.5px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 16px; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (max-width: 560px) {
  main { padding: 22px 14px 48px; }
  h1 { font-size: 23px; }
  .lead { font-size: 16px; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
  .tile b { font-size: 21px; }
  table { font-size: 13.5px; }
  th, td { padding: 7px 4px; }
  th { font-size: 12px; }
  th:first-child, td:first-child { min-width: 76px; }
  td small { display: none; }
  .card { padding: 13px 13px; }
}
@media print { .axis { display: none; } .card { break-inside: avoid; } body { background: none; } }
`
