// Curves as SVG: axes with figures, a curve told from others by dashes and markers, too.

import { element, svg } from "./dom.js";
import { whole } from "./numbers.js";

const WIDTH = 640;
const HEIGHT = 340;
const PAD = { left: 62, right: 30, top: 12, bottom: 44 };
const INKS = ["--blue", "--orange", "--green", "--ink", "--pink", "--sky", "--yellow"];
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];
const SHAPES = ["M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0", "M-3.2 -3.2h6.4v6.4h-6.4z", "M0 -4.4l4 7.4h-8z", "M0 -4.6l4.6 4.6l-4.6 4.6l-4.6 -4.6z"];

// Each of `lines` has a name, xs and ys (null where there is none), and perhaps a look 0, 1, ... or a colour `ink`.
export function chart(figure, { lines, x, y, title }) {
  const shown = lines.map((line, i) => ({ look: i, ink: ink(line.look ?? i), ...line, points: line.xs.map((at, n) => [at, line.ys[n]]).filter(([, value]) => value != null) }))
    .filter((line) => line.points.length);
  if (!shown.length) return figure.replaceChildren(element("p", { class: "quiet" }, "Nothing was measured."));
  const all = shown.flatMap((line) => line.points);
  const across = axis(all.map(([at]) => at), PAD.left, WIDTH - PAD.right);
  const up = axis(all.map(([, value]) => value), HEIGHT - PAD.bottom, PAD.top);
  figure.replaceChildren(
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title, class: "chart" },
      ...grid(across, up, x, y), ...shown.map((line) => curve(line, across, up))),
    element("p", { class: "quiet keys" }, ...shown.map(key)),
  );
}

const ink = (look) => `var(${INKS[look % INKS.length]})`;
const dash = (look) => DASHES[look % DASHES.length];
const shape = (look) => SHAPES[look % SHAPES.length];

function curve(line, across, up) {
  const path = line.points.map(([x, y], i) => `${i ? "L" : "M"}${across.place(x).toFixed(1)} ${up.place(y).toFixed(1)}`).join("");
  const every = Math.ceil(line.points.length / 12);
  const markers = line.points.filter((_, i) => i % every === 0 || i === line.points.length - 1).map(([x, y]) =>
    svg("path", { d: shape(line.look), transform: `translate(${across.place(x).toFixed(1)} ${up.place(y).toFixed(1)})`, fill: line.hollow ? "var(--raised)" : line.ink, stroke: line.ink },
      svg("title", {}, `${line.name}: ${x.toLocaleString("en")}, ${y.toPrecision(4)}`)));
  return svg("g", {}, svg("path", { d: path, fill: "none", stroke: line.ink, "stroke-width": line.hollow ? 1 : 1.8, "stroke-dasharray": dash(line.look) }), ...markers);
}

function key(line) {
  const last = line.points.at(-1)[1];
  return element("span", { class: "sign-of" },
    svg("svg", { viewBox: "-16 -7 32 14", width: 32, height: 14, "aria-hidden": "true" },
      svg("path", { d: "M-16 0H16", stroke: line.ink, "stroke-width": 1.8, "stroke-dasharray": dash(line.look) }),
      svg("path", { d: shape(line.look), fill: line.hollow ? "var(--raised)" : line.ink, stroke: line.ink })),
    `${line.name} ${last.toPrecision(4)}`);
}

function grid(across, up, x, y) {
  const line = (x1, y1, x2, y2) => svg("line", { x1, y1, x2, y2, stroke: "var(--line)" });
  const text = (at, words, anchor = "middle") => svg("text", { ...at, "text-anchor": anchor }, words);
  return [
    ...across.ticks.flatMap((tick) => [line(across.place(tick), PAD.top, across.place(tick), HEIGHT - PAD.bottom), text({ x: across.place(tick), y: HEIGHT - PAD.bottom + 16 }, across.words(tick))]),
    ...up.ticks.flatMap((tick) => [line(PAD.left, up.place(tick), WIDTH - PAD.right, up.place(tick)), text({ x: PAD.left - 6, y: up.place(tick) + 4 }, up.words(tick), "end")]),
    text({ x: (PAD.left + WIDTH - PAD.right) / 2, y: HEIGHT - 8 }, x),
    text({ transform: `translate(14 ${(PAD.top + HEIGHT - PAD.bottom) / 2}) rotate(-90)` }, y),
  ];
}

function axis(values, start, end) {
  let [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  if (low === high) [low, high] = [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  const step = niceStep((high - low) / 5);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) ticks.push(tick);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const words = (tick) => (Math.abs(tick) >= 1e5 || digits > 5 ? tick.toExponential(1) : digits ? tick.toFixed(digits) : whole(Math.round(tick)));
  return { ticks, words, place: (value) => start + ((value - low) / (high - low)) * (end - start) };
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * 0.999);
}
