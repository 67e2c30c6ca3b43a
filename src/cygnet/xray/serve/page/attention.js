// The attention tab: a map of one head or of a mean, what each head does, what a token looks at.

import { ask } from "./api.js";
import { colour, debounced, drawingOn, element, find, options, table } from "./dom.js";
import { guarded, say } from "./message.js";
import { percent } from "./numbers.js";
import { wholeText } from "./text.js";
import { TokensView } from "./tokens_view.js";

const LABEL = 110; // pixels beside the map for the tokens
const WIDEST = 560;
const MOST_LABELS = 60;
const MEAN = "mean";

let view;
let found = null;
let chosen = null; // the position of the token that looks
let asked = 0;

export function begin() {
  view = new TokensView(find("seen"), (i, pinned) => pinned && choose(i));
  const later = debounced(() => find("panel-attention").hidden || guarded(show)(), 300);
  find("box").addEventListener("input", later);
  find("special").addEventListener("change", later);
  for (const name of ["layer", "head"]) find(name).addEventListener("change", guarded(show));
  find("map").addEventListener("click", (event) => at(event) && choose(at(event).row));
  find("map").addEventListener("mousemove", point);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => found && draw());
}

export async function show() {
  const number = ++asked;
  const picked = (name) => (["", MEAN].includes(find(name).value) ? null : Number(find(name).value));
  const order = { text: wholeText(), special: find("special").checked, layer: picked("layer"), head: picked("head") };
  const answer = await ask("attention", order);
  if (number !== asked) return;
  found = answer;
  choices("layer", found.n_layer, found.layer);
  choices("head", found.n_head, found.head);
  const before = found.n_before ? `^ is ${found.texts[0]}, before the text` : "";
  find("attention-note").textContent = [before, found.note].filter(Boolean).join("; ");
  heads();
  view.draw(found.texts.map(token));
  choose(Math.min(chosen ?? Infinity, found.texts.length - 1));
  say();
}

function choices(name, n, now) {
  const numbers = Array.from({ length: n }, (_, i) => [i, String(i)]);
  options(find(name), [[MEAN, `mean of all ${n}`], ...numbers], now ?? MEAN);
}

function choose(i) {
  chosen = i;
  const row = found.weights[i];
  view.weigh((at) => row[at] ?? 0);
  view.items.forEach((item, at) => {
    item.classList.toggle("looking", at === i);
    item.setAttribute("aria-label", `${found.texts[at]}, ${at <= i ? percent(row[at]) : "behind it"}`);
  });
  const places = row.map((weight, at) => [weight, at]).filter(([weight]) => weight > 0);
  places.sort(([a, i], [b, j]) => b - a || i - j);
  find("looks").replaceChildren(`${found.positions[i]} `, specimen(i), " looks at ", ...listed(places.slice(0, 5)));
  draw();
}

const specimen = (i) => element("span", { class: "specimen boxed", dir: "auto" }, found.texts[i]);
const listed = (places) => places.flatMap(([weight, at], n) => [n ? ", " : "", specimen(at), ` ${percent(weight)}`]);

function token(text, i) {
  return { text, bytes: "", kind: found.kinds[i], origin: "drawn", carries_loss: true, alternatives: [] };
}

function heads() {
  const share = (value) => (value == null ? "–" : percent(value));
  const number = (value) => (value == null ? "–" : value.toFixed(1));
  const open = (one) => element("button", { class: "link", onclick: () => pick(one.layer, one.head) }, `${one.layer} · ${one.head}`);
  table(find("heads"), ["layer · head", "previous", "first", "itself", "back", "bits", ""], found.heads.map((one) => [
    open(one), share(one.previous), share(one.first), share(one.itself), number(one.distance), number(one.entropy), one.word,
  ]));
}

function pick(layer, head) {
  find("layer").value = layer;
  find("head").value = head;
  guarded(show)();
}

function scale() {
  const n = found.weights.length;
  const room = Math.min(WIDEST, find("map").parentElement.clientWidth - 2);
  return { n, cell: n > (room - LABEL) / 4 ? Math.max(1, (room - LABEL) / n) : Math.floor((room - LABEL) / n) };
}

function draw() {
  const { n, cell } = scale();
  const side = LABEL + n * cell;
  const context = drawingOn(find("map"), side, side);
  context.fillStyle = colour("--heat-plain");
  found.weights.forEach((row, i) => row.forEach((weight, j) => {
    if (weight < 0.002) return;
    context.globalAlpha = Math.sqrt(weight); // most weights are small
    context.fillRect(LABEL + j * cell, LABEL + i * cell, cell, cell);
  }));
  context.globalAlpha = 1;
  context.strokeStyle = colour("--accent");
  context.strokeRect(LABEL, LABEL + chosen * cell, (chosen + 1) * cell, cell);
  labels(context, n, cell);
  find("map").setAttribute("aria-label", `attention of ${n} tokens to each other; the same figures are in the line and the table`);
}

function labels(context, n, cell) {
  const step = Math.ceil(n / MOST_LABELS);
  context.fillStyle = colour("--ink");
  context.font = `${Math.max(8, Math.min(13, cell * step * 0.8))}px ${colour("--mono")}`;
  context.textBaseline = "middle";
  for (let i = 0; i < n; i += step) {
    const at = LABEL + (i + 0.5) * cell;
    context.textAlign = "right";
    context.fillText(clipped(label(i)), LABEL - 5, at);
    context.save();
    context.translate(at, LABEL - 5);
    context.rotate(-Math.PI / 2);
    context.textAlign = "left";
    context.fillText(clipped(label(i)), 0, 0);
    context.restore();
  }
}

const label = (i) => `${found.positions[i]} ${found.texts[i]}`;
const clipped = (text) => ([...text].length > 13 ? `${[...text].slice(0, 12).join("")}…` : text);

function at(event) {
  if (!found) return null;
  const { n, cell } = scale();
  const row = Math.floor((event.offsetY - LABEL) / cell);
  const column = Math.floor((event.offsetX - LABEL) / cell);
  return row >= 0 && row < n && column >= 0 && column <= row ? { row, column } : null;
}

function point(event) {
  const place = at(event);
  if (!place) return;
  const { row, column } = place;
  find("map-words").replaceChildren(specimen(row), " looks at ", specimen(column), ` ${percent(found.weights[row][column])}`);
}
