// The rows tab: where the embedding row of a token lies, its length, its neighbours.

import { ask } from "./api.js";
import { element, find, table } from "./dom.js";
import { guarded, say } from "./message.js";
import { percent, short, whole } from "./numbers.js";
import { scatter } from "./scatter.js";

const N_NEIGHBOURS = 12;
let all = null;
let token = null;

export function begin() {
  find("rows-form").addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(look)();
  });
  find("row-by").addEventListener("change", () => all && draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all && draw());
}

export async function show(id) {
  if (id !== undefined) return open(id);
  all ??= await ask("rows", {});
  draw();
}

async function look() {
  const word = find("row-token").value;
  token = word === "" ? null : await ask("row", {
    ...(/^[0-9]{1,9}$/.test(word) ? { id: Number(word) } : { text: word }),
    neighbours: N_NEIGHBOURS,
  });
  all ??= await ask("rows", {}); // it may be on its way still, or have failed
  draw();
  say();
}

async function open(id) {
  find("row-token").value = id;
  await look();
}

const name = (row) => element("button", { class: "link", onclick: guarded(() => open(row.id)) },
  element("span", { class: `specimen ${row.kind}`, dir: "auto" }, row.text));

function draw() {
  find("row-facts").replaceChildren(...(token ? [head()] : []), ...Object.keys(all.pictures).map(matrix));
}

function head() {
  const count = token.count == null ? "" : `, ${whole(token.count)} times in the training text`;
  return element("h2", {}, element("span", { class: "specimen", dir: "auto" }, token.text),
    element("span", { class: "quiet" }, ` id ${whole(token.id)}, ${token.kind}${count}`));
}

function matrix(which) {
  const by = find("row-by").value;
  const near = token ? token.matrices[which].neighbours[by] : [];
  const marked = token ? [{ id: token.id, text: token.text, here: true }, ...near] : [];
  const figure = element("figure", {});
  const part = element("section", {}, element("h2", {}, which),
    element("div", { class: "columns even" }, figure, token ? ofToken(token.matrices[which], near) : overview(all.overview[which])));
  requestAnimationFrame(() => scatter(figure, all.pictures[which], marked, (id) => all.texts[id], guarded(open)));
  return part;
}

function ofToken(found, near) {
  const longer = Object.entries(found.longer_than).map(([kind, share]) => `${percent(share)} of ${kind}`);
  const far = Object.entries(found.to_centroid).map(([kind, distance]) => `${short(distance)} ${kind}`);
  const facts = [
    ["norm", short(found.norm)], ["longer than", longer.join(", ")],
    ["from centroids", far.join(", ")], ["cosine with mean", short(found.cosine_with_mean)],
  ];
  const list = element("table", {});
  table(list, ["neighbour", "id", "kind", "cosine", "distance"],
    near.map((row) => [name(row), row.id, row.kind, short(row.cosine), short(row.distance)]));
  return element("div", {}, element("dl", {}, ...facts.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)])),
    element("div", { class: "wide" }, list));
}

function overview(found) {
  const kinds = element("table", {});
  table(kinds, ["kind", "rows", "least norm", "median", "greatest", "from live"], Object.entries(found.kinds).map(([kind, one]) =>
    [kind, whole(one.n_rows), short(one.least), short(one.median), short(one.greatest), short(one.centroid_from_live)]));
  const ends = element("table", {});
  table(ends, ["shortest", "", "longest", ""], found.shortest.map((row, i) =>
    [name(row), short(row.norm), name(found.longest[i]), short(found.longest[i].norm)]));
  return element("div", { class: "wide" }, kinds, ends);
}
