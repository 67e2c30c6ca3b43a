// The tab of dead rows: a film of all rows over the training, and the figures.

import { ask } from "./api.js";
import { chart } from "./chart.js";
import { colour, drawingOn, find, options, table } from "./dom.js";
import { guarded, say } from "./message.js";
import { percent, short, whole } from "./numbers.js";
import { LOOKS, legend, mark } from "./scatter.js";

const SIDE = 460;
const FRAME = 110; // milliseconds
const ORDER = ["live", "unseen live", "dead"];
const FIRST = "centroid_moved";

let film = null;
let analysis = null;
let timer = null;

export function begin() {
  find("film-play").addEventListener("click", () => (timer ? stop() : play()));
  find("film-at").addEventListener("input", () => {
    stop();
    frame();
  });
  find("film-matrix").addEventListener("change", guarded(roll));
  find("dead-measure").addEventListener("change", curves);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => film && frame());
}

export const hide = () => stop();

export async function show() {
  if (analysis) return;
  say("measuring the rows at each snapshot …");
  await roll();
  analysis = await ask("dead", {});
  const names = Object.keys(analysis.matrices);
  options(find("film-matrix"), names.map((name) => [name, name]), film.matrix);
  const measured = new Set(names.flatMap((name) => Object.values(analysis.matrices[name]).flatMap((group) => Object.keys(group.series))));
  options(find("dead-measure"), Object.entries(analysis.measures).filter(([key]) => measured.has(key)).map(([key, words]) => [key, words.trim()]), FIRST);
  find("dead-notes").textContent = analysis.notes.join("; ");
  curves();
  say();
}

async function roll() {
  stop();
  film = await ask("film", { matrix: find("film-matrix").value || null });
  find("film-at").max = film.steps.length - 1;
  find("film-at").value = film.steps.length - 1;
  const parts = Object.entries(film.points).filter(([kind, points]) => points[0].length < film.n_rows[kind]);
  const left = parts.map(([kind, points]) => `${whole(points[0].length)} of ${whole(film.n_rows[kind])} ${kind}`);
  find("film-words").replaceChildren(legend(film.n_rows),
    `The plane in which dead rows of ${film.matrix} vary most over the training: ${film.shares.map(percent).join(" and ")} of their variance.`,
    left.length ? ` Drawn are ${left.join(", ")}.` : "");
  frame();
  if (analysis) curves();
}

function play() {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return advance(); // a frame for a click
  if (Number(find("film-at").value) >= film.steps.length - 1) find("film-at").value = 0;
  timer = setInterval(() => advance() || stop(), FRAME);
  find("film-play").textContent = "Pause";
}

function stop() {
  clearInterval(timer);
  timer = null;
  find("film-play").textContent = "Play";
}

function advance() {
  const next = Number(find("film-at").value) + 1;
  find("film-at").value = next >= film.steps.length && !timer ? 0 : next;
  frame();
  return next < film.steps.length - 1;
}

function frame() {
  const at = Number(find("film-at").value);
  const side = Math.min(SIDE, find("film").parentElement.clientWidth - 2);
  const context = drawingOn(find("film"), side, side);
  for (const kind of ORDER.filter((name) => name in film.points)) {
    const look = LOOKS[kind];
    context.fillStyle = context.strokeStyle = colour(look.ink);
    for (const [x, y] of film.points[kind][at]) mark(context, look.shape, (x / film.side) * side, side - (y / film.side) * side, look.size);
  }
  const words = `step ${whole(film.steps[at])}`;
  find("film-step").textContent = words;
  find("film-at").setAttribute("aria-valuetext", words);
  find("film").setAttribute("aria-label", `embedding rows at ${words}`);
}

function curves() {
  const key = find("dead-measure").value;
  const groups = Object.entries(analysis.matrices[film.matrix]);
  const lines = groups.map(([name, group]) => ({ name, ink: `var(${LOOKS[name].ink})`, xs: analysis.steps, ys: group.series[key] ?? [] }));
  chart(find("dead-chart"), { lines, x: "optimizer steps", y: analysis.measures[key].trim(), title: `${analysis.measures[key].trim()} of groups of rows over the training` });
  const ends = groups.map(([, group]) => group.series);
  const known = Object.entries(analysis.measures).filter(([name]) => ends.some((series) => series[name]?.some((value) => value != null)));
  const value = (series, name) => {
    const found = (series[name] ?? []).filter((one) => one != null);
    return found.length ? `${short(found[0])} → ${short(found.at(-1))}` : "–";
  };
  table(find("dead-table"), ["first → last", ...groups.map(([name]) => name)], known.map(([name, words]) => [words.trim(), ...ends.map((series) => value(series, name))]));
}
