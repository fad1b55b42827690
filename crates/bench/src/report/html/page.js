"use strict";
(() => {
  const report = JSON.parse(document.getElementById("report").textContent);
  const charts = document.getElementById("charts");
  const layers = ["raw", "exchange", "verified", "stored"];
  const several = report.remotes.length > 1;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  const scaled = (value, unit, steps) => {
    if (value == null) return "-";
    const [size, prefix] = steps.find(([size]) => Math.abs(value) >= size) || [1, ""];
    return String(Number((value / size).toPrecision(3))) + " " + prefix + unit;
  };
  const decimal = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const binary = [[2 ** 30, "Gi"], [2 ** 20, "Mi"], [2 ** 10, "Ki"]];
  const powers = Array.from({ length: 40 }, (_, power) => 2 ** power);
  const measures = [
    ["Goodput", (slice) => slice.bits_per_second, (value) => scaled(value, "bit/s", decimal)],
    ["Round trip under load", (slice) => slice.rtt_ms, (value) => scaled(value, "ms", [])],
    ["Congestion window", (slice) => slice.cwnd_bytes, (value) => scaled(value, "B", binary), powers],
    ["Segments sent again", (slice) => slice.retransmits, (value) => scaled(value, "", [])],
    ["Cores busy here", (slice) => slice.cpu_cores.local, (value) => scaled(value, "", [])],
    ["Cores busy there", (slice) => slice.cpu_cores.remote, (value) => scaled(value, "", [])],
  ];

  const warmUp = (plot) => {
    const seconds = report.options.warm_up_ms / 1000;
    const left = Math.max(plot.valToPos(0, "x", true), plot.bbox.left);
    const right = Math.min(plot.valToPos(seconds, "x", true), plot.bbox.left + plot.bbox.width);
    if (seconds === 0 || right <= left) return;
    plot.ctx.save();
    plot.ctx.fillStyle = color("warm");
    plot.ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
    plot.ctx.restore();
  };

  const draw = (runs, name, value, show, incrs) => {
    const lanes = runs.map((run) => run.figures.intervals.filter((slice) => value(slice) != null));
    if (!lanes.some((lane) => lane.length > 1)) return;
    const data = uPlot.join(lanes.map((lane) => [
      lane.map((slice) => Math.round(slice.start_ms + slice.ms / 2) / 1000),
      lane.map(value),
    ]));
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = name;
    figure.append(caption);
    charts.append(figure);
    const axis = (more) => ({
      stroke: color("dim"),
      grid: { stroke: color("line"), width: 1 },
      ticks: { stroke: color("line"), width: 1 },
      font: "12px system-ui, sans-serif",
      ...more,
    });
    const end = Math.max(...lanes.flat().map((slice) => slice.start_ms + slice.ms)) / 1000;
    const options = {
      width: figure.clientWidth,
      height: 220,
      scales: { x: { time: false, range: [0, end] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
      axes: [
        axis({ values: (_, at) => at.map((second) => second + " s") }),
        axis({ size: 84, incrs, values: (_, at) => at.map((value) => show(value)) }),
      ],
      series: [
        { label: "at", value: (_, second) => second == null ? "-" : second.toFixed(2) + " s" },
        ...runs.map((run) => ({
          label: several ? run.layer + " " + run.remote : run.layer,
          stroke: color(run.layer),
          width: 2,
          dash: several && run.remote !== report.remotes[0].address ? [6, 4] : undefined,
          spanGaps: true,
          points: { show: false },
          value: (_, value) => show(value),
        })),
      ],
      hooks: { drawClear: [warmUp] },
    };
    const plot = new uPlot(options, data, figure);
    new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: 220 })).observe(figure);
  };

  const drawAll = () => {
    charts.replaceChildren();
    for (const direction of ["receive", "send"]) {
      const runs = report.runs
        .filter((run) => run.direction === direction && run.status === "done")
        .sort((a, b) => layers.indexOf(a.layer) - layers.indexOf(b.layer));
      if (runs.length === 0) continue;
      const heading = document.createElement("h2");
      const doing = direction === "receive" ? "Receiving" : "Sending";
      heading.textContent = doing + ", over time" + (report.options.warm_up_ms > 0 ? "; grey: warm-up, which does not count" : "");
      charts.append(heading);
      for (const measure of measures) draw(runs, ...measure);
    }
  };

  document.getElementById("begun").textContent = new Date(report.started_unix_seconds * 1000).toLocaleString();
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
