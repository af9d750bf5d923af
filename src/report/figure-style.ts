/** The style of what is drawn without a script. */
export const FIGURE_STYLE = `
.figure { display: block; width: 100%; height: auto; max-height: 420px; font-size: 11px; }
.figure text { fill: var(--soft); }
.figure .grid { stroke: var(--grid); stroke-width: 1; }
.figure polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.wide { grid-column: 1 / -1; }
.labels circle, .labels rect { fill: var(--mine); }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 7px; }
`
