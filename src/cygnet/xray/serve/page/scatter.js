// Rows in a plane, their kind as shape and colour.

import { colour, drawingOn, element } from "./dom.js";
import { percent } from "./numbers.js";

export const LOOKS = {
  live: { ink: "--row-live", shape: "dot", size: 1.6 },
  unseen: { ink: "--row-unseen", shape: "ring", size: 3 },
  "unseen live": { ink: "--row-unseen", shape: "ring", size: 3 },
  special: { ink: "--row-special", shape: "square", size: 4 },
  dead: { ink: "--row-dead", shape: "cross", size: 2.6 },
};
const SIDE = 460;
const REACH = 12; // pixels
const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const POINT = "Point at a row, or go there with the arrow keys, to see its name.";

export function mark(context, shape, x, y, size) {
  context.beginPath();
  if (shape === "dot") context.arc(x, y, size, 0, 7);
  if (shape === "ring") context.arc(x, y, size, 0, 7);
  if (shape === "square") context.rect(x - size, y - size, 2 * size, 2 * size);
  if (shape === "cross") {
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x - size, y + size);
    context.lineTo(x + size, y - size);
  }
  if (shape === "dot") context.fill();
  else context.stroke();
}

export function legend(kinds) {
  const items = Object.entries(kinds).map(([kind, n]) => {
    const canvas = element("canvas", { class: "sign", "aria-hidden": "true" });
    const context = drawingOn(canvas, 14, 14);
    const look = LOOKS[kind];
    context.fillStyle = context.strokeStyle = colour(look.ink);
    context.lineWidth = 1.4;
    mark(context, look.shape, 7, 7, Math.max(3, look.size));
    return element("span", { class: "sign-of" }, canvas, `${kind} ${n.toLocaleString("en")}`);
  });
  return element("p", { class: "quiet" }, ...items);
}

// `name(id)` is the text of a row; `onchoose(id)` is called for one that is clicked.
export function scatter(figure, picture, marked, name, onchoose) {
  const side = Math.min(SIDE, figure.clientWidth || SIDE);
  const canvas = element("canvas", { role: "img", tabindex: "0", "aria-label": "all rows in the plane in which they vary most; arrow keys go from one to the next, Enter shows it; the tables say the same in figures" });
  const said = element("p", { class: "quiet", "aria-live": "polite" }, POINT);
  const present = Object.entries(picture.points).filter(([, points]) => points.length);
  const counts = Object.fromEntries(present.map(([kind, points]) => [kind, points.length]));
  const words = `The plane in which all rows vary most: ${picture.shares.map(percent).join(" and ")} of the variance.`;
  figure.replaceChildren(canvas, said, legend(counts), element("figcaption", { class: "quiet" }, words));
  const context = drawingOn(canvas, side, side);
  const place = fitting(present.flatMap(([, points]) => points), side);
  for (const [kind, points] of present) {
    const look = LOOKS[kind];
    context.fillStyle = context.strokeStyle = colour(look.ink);
    for (const point of points) mark(context, look.shape, ...place(point), look.size);
  }
  named(context, picture, marked, place, side);
  const rows = present.flatMap(([kind, points]) => points.map((point, i) => ({ id: picture.ids[kind][i], kind, at: place(point) })));
  follow(canvas, rows, marked[0]?.id, onchoose, (row) => said.replaceChildren(
    element("span", { class: "specimen boxed", dir: "auto" }, name(row.id)), ` id ${row.id}, ${row.kind}`));
}

// The row under the pointer, or the one that the arrow keys have come to, is named.
function follow(canvas, rows, first, onchoose, onname) {
  let now = rows.find((row) => row.id === first) ?? rows[0];
  const go = (row) => row && onname((now = row));
  const under = (event) => nearest(rows, (dx, dy) => Math.hypot(dx, dy), [event.offsetX, event.offsetY], REACH);
  canvas.addEventListener("mousemove", (event) => go(under(event)));
  canvas.addEventListener("focus", () => go(now));
  canvas.addEventListener("click", (event) => under(event) && onchoose(under(event).id));
  canvas.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    if (event.key === "Enter") onchoose(now.id);
    else if (way) go(nearest(rows, (dx, dy) => ahead(dx, dy, way), now.at, Infinity));
    else return;
    event.preventDefault();
  });
}

// How far a row lies in the direction of an arrow; to the side of it counts twice.
function ahead(dx, dy, [x, y]) {
  const along = dx * x + dy * y;
  return along > 0.5 && along >= Math.abs(dx * y + dy * x) ? along + 2 * Math.abs(dx * y + dy * x) : Infinity;
}

function nearest(rows, far, [x, y], most) {
  let [best, least] = [null, most];
  for (const row of rows) {
    const distance = far(row.at[0] - x, row.at[1] - y);
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
}

function named(context, picture, marked, place, side) {
  const where = new Map();
  for (const [kind, ids] of Object.entries(picture.ids)) ids.forEach((id, i) => where.set(id, picture.points[kind][i]));
  context.font = `13px ${colour("--mono")}`;
  context.textBaseline = "middle";
  context.lineWidth = 3;
  for (const row of [...marked].reverse()) {
    const [x, y] = place(where.get(row.id));
    context.fillStyle = colour(row.here ? "--accent" : "--ink");
    context.strokeStyle = colour("--raised");
    mark(context, "dot", x, y, row.here ? 5 : 3);
    context.textAlign = x > side * 0.75 ? "right" : "left";
    const at = x + (x > side * 0.75 ? -8 : 8);
    context.strokeText(row.text, at, y);
    context.fillText(row.text, at, y);
  }
}

// From values to pixels: one scale for both axes, with a margin.
function fitting(points, side) {
  const range = (axis) => points.reduce(([low, high], point) => [Math.min(low, point[axis]), Math.max(high, point[axis])], [Infinity, -Infinity]);
  const [[left, right], [bottom, top]] = [range(0), range(1)];
  const zoom = (side * 0.92) / (Math.max(right - left, top - bottom) || 1);
  const middle = [(left + right) / 2, (bottom + top) / 2];
  return ([x, y]) => [side / 2 + (x - middle[0]) * zoom, side / 2 - (y - middle[1]) * zoom];
}
