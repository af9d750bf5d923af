/**
 * What runs in the browser: draws the charts from the page's JSON with uPlot. Plain JavaScript in a string, since the page is one file;
 * text goes into the page as `textContent` only.
 */
export const CLIENT = String.raw`
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("curves").textContent);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const short = (value) => String(Number(value.toPrecision(4)));
  const bytes = (value) => {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let power = 0;
    while (Math.abs(value) >= 1000 && power < 4) { value /= 1000; power++; }
    return Number(value.toPrecision(3)) + " " + units[power];
  };
  const seconds = (value) => value < 120 ? short(value) + " s" : value < 7200 ? short(value / 60) + " min" : short(value / 3600) + " h";
  const format = { number: short, count: short, bytes, seconds };
  const step = {
    seconds: [0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800],
    bytes: [1, 2, 2.5, 5].flatMap((m) => Array.from({ length: 13 }, (_, e) => m * 10 ** e)).sort((a, b) => a - b),
  };

  let axis = 0;
  const viewOf = (series) => series.views ? series.views[axis] : series;
  const plots = [];

  const tooltip = (chart, root) => {
    const tip = element("div", "tip");
    tip.hidden = true;
    root.append(tip);
    return {
      hooks: {
        setCursor: (plot) => {
          const { idx, left, top } = plot.cursor;
          if (idx == null || left < 0 || plot.cursor.event == null) { tip.hidden = true; return; }
          const here = format[data.axes[axis].unit](data.axes[axis].values[idx]);
          const round = data.axes[0].label.slice(0, -1) + " " + data.axes[0].values[idx];
          tip.replaceChildren(element("b", "", data.joined && axis > 0 ? here : round));
          if (axis > 0 && !data.joined) tip.append(", " + here);
          chart.series.forEach((series) => {
            const value = viewOf(series).values[idx];
            if (value == null) return;
            const row = element("div");
            const dot = element("i");
            dot.style.background = color("--c" + series.color);
            row.append(dot, series.label + "  ", element("b", "", format[chart.unit](value)));
            tip.append(row);
          });
          tip.hidden = false;
          const box = plot.over.getBoundingClientRect();
          const home = root.getBoundingClientRect();
          const x = box.left - home.left + left;
          const beside = x + 14 + tip.offsetWidth > home.width ? x - 14 - tip.offsetWidth : x + 14;
          tip.style.left = Math.max(0, beside) + "px";
          tip.style.top = Math.max(0, box.top - home.top + top - tip.offsetHeight / 2) + "px";
        },
      },
    };
  };

  const references = (chart) => ({
    hooks: {
      draw: (plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.strokeStyle = color("--bound");
        ctx.lineWidth = 1.5 * devicePixelRatio;
        chart.references.forEach(({ value }, i) => {
          const y = plot.valToPos(value, "y", true);
          ctx.setLineDash((i === 0 ? [7, 5] : [2, 4]).map((part) => part * devicePixelRatio));
          ctx.beginPath();
          ctx.moveTo(bbox.left, y);
          ctx.lineTo(bbox.left + bbox.width, y);
          ctx.stroke();
        });
        ctx.restore();
      },
    },
  });

  const range = (chart) => (plot, low, high) => {
    const values = chart.references.map(({ value }) => value);
    low = Math.min(low ?? 0, ...values);
    high = Math.max(high ?? 1, ...values);
    if (chart.unit !== "number") low = 0;
    if (high === low) return [low - 0.5, high + 0.5];
    const space = (high - low) * 0.06;
    return [chart.unit === "number" ? low - space : 0, high + space];
  };

  const draw = (chart, root) => {
    const across = data.axes[axis];
    const columns = [];
    const bands = [];
    for (const series of chart.series) {
      const view = viewOf(series);
      if (view.low) {
        const edge = { width: 0, stroke: "transparent", spanGaps: true, points: { show: false } };
        bands.push({ series: [columns.length + 2, columns.length + 1], fill: () => color("--c" + series.color) + "2e" });
        columns.push({ values: view.low, options: edge }, { values: view.high, options: edge });
      }
      columns.push({ values: view.values, options: lineOf(chart, series, view) });
    }
    return plotOf(chart, root, across, columns, bands);
  };

  const lineOf = (chart, series, view) => ({
    stroke: () => color("--c" + series.color),
    width: chart.kind === "bars" ? 0 : 2,
    spanGaps: true,
    points: { show: chart.kind === "line" && view.values.filter((value) => value !== null).length < 2 },
    ...(chart.kind === "bars" ? { paths: uPlot.paths.bars({ size: [0.7, 24], radius: 0.2 }), fill: () => color("--c" + series.color) } : {}),
  });

  const plotOf = (chart, root, across, columns, bands) => {
    const lines = { stroke: () => color("--soft"), grid: { stroke: () => color("--grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return new uPlot({
      width: root.clientWidth,
      height: root.clientHeight,
      padding: [8, 10, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: "rounds" }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (plot, low, high) => {
          if (low === high) return [low - 0.5, high + 0.5];
          const half = chart.kind === "bars" ? (high - low) / (across.values.length - 1) / 2 : 0;
          return [low - half, high + half];
        } },
        y: { range: range(chart) },
      },
      axes: [
        { ...lines, size: 30, space: 64, incrs: axis === 0 ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 1e5] : step[across.unit], values: (plot, ticks) => ticks.map((tick) => format[across.unit](tick)) },
        { ...lines, size: chart.unit === "bytes" ? 66 : 50, space: 34, incrs: chart.unit === "bytes" ? step.bytes : chart.unit === "count" ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 1e4, 1e5, 1e6] : undefined, values: (plot, ticks) => ticks.map((tick) => format[chart.unit](tick)) },
      ],
      series: [{}, ...columns.map(({ options }) => options)],
      bands,
      plugins: [tooltip(chart, root), references(chart)],
    }, [across.values, ...columns.map(({ values }) => values)], root);
  };

  const drawAll = () => {
    for (const entry of plots) {
      entry.plot?.destroy();
      entry.root.replaceChildren();
      entry.plot = draw(entry.chart, entry.root);
    }
  };

  const home = document.getElementById("charts");
  for (const chart of data.charts) {
    const card = element("section", "card");
    const key = element("div", "key");
    for (const series of chart.series) {
      const item = element("span");
      const mark = element("i");
      mark.style.background = "var(--c" + series.color + ")";
      item.append(mark, series.label);
      key.append(item);
    }
    for (const { label } of chart.references) {
      const item = element("span", "reference");
      item.append(element("i"), label);
      key.append(item);
    }
    if (chart.references.length > 1) key.lastChild.firstChild.style.borderTopStyle = "dotted";
    const root = element("div", "plot");
    card.append(element("h3", "", chart.title), key, root);
    home.append(card);
    plots.push({ chart, root });
  }

  const axes = document.getElementById("axes");
  data.axes.forEach((one, i) => {
    if (new Set(one.values).size < one.values.length) return;
    const button = element("button", "", one.label);
    button.type = "button";
    button.setAttribute("aria-pressed", String(i === axis));
    button.addEventListener("click", () => {
      axis = i;
      for (const other of axes.children) other.setAttribute("aria-pressed", String(other === button));
      drawAll();
    });
    axes.append(button);
  });

  drawAll();
  new ResizeObserver(() => {
    for (const { plot, root } of plots) plot.setSize({ width: root.clientWidth, height: root.clientHeight });
  }).observe(home);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
`
