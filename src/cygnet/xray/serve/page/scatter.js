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

export function scatter(figure, picture, marked) {
  const side = Math.min(SIDE, figure.clientWidth || SIDE);
  const canvas = element("canvas", { role: "img", "aria-label": "all rows in the plane in which they vary most; the tables say the same in figures" });
  const present = Object.entries(picture.points).filter(([, points]) => points.length);
  const counts = Object.fromEntries(present.map(([kind, points]) => [kind, points.length]));
  const words = `The plane in which all rows vary most: ${picture.shares.map(percent).join(" and ")} of the variance.`;
  figure.replaceChildren(canvas, legend(counts), element("figcaption", { class: "quiet" }, words));
  const context = drawingOn(canvas, side, side);
  const place = fitting(present.flatMap(([, points]) => points), side);
  for (const [kind, points] of present) {
    const look = LOOKS[kind];
    context.fillStyle = context.strokeStyle = colour(look.ink);
    for (const point of points) mark(context, look.shape, ...place(point), look.size);
  }
  named(context, picture, marked, place, side);
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
