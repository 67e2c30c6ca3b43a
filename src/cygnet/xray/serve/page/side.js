// Several tokenizers side by side: the same stretch of the text one under another.

import { element, find, table } from "./dom.js";
import { percent, whole } from "./numbers.js";
import { classes } from "./tokens_view.js";

const MARK = "≠";
const LABEL = 12; // characters, at most; the style says the same
const PADDING = 1.2; // characters, of the border of a token

export function draw(found) {
  const names = Object.keys(found.tokenizers);
  const aligned = names.filter((name) => found.tokenizers[name].is_faithful);
  table(find("side-table"), ["tokenizer", "tokens", "bytes per token"], names.map((name) => {
    const { n_tokens, bytes_per_token } = found.tokenizers[name];
    return [name, whole(n_tokens), bytes_per_token ? bytes_per_token.toFixed(2) : "–"];
  }));
  find("side-words").textContent = words(found, names.filter((name) => !aligned.includes(name)));
  find("side-text").replaceChildren(...lines(found, aligned).map((line) => block(found, aligned, line)));
}

function words(found, others) {
  const differing = found.stretches.filter((one) => one.differs);
  const size = differing.reduce((n, one) => n + one.end - one.start, 0);
  const all = found.stretches.at(-1)?.end ?? 0;
  const places = `${whole(differing.length)} place${differing.length === 1 ? "" : "s"}, ${percent(size / (all || 1))} of the bytes: marked ${MARK} beneath`;
  return [
    differing.length ? `They differ in ${places}.` : "They cut the text alike.",
    ...others.map((name) => `${name} does not give back the text byte by byte, and is left out below.`),
  ].join(" ");
}

const tokensOf = (found, name, stretch) => stretch.tokens[name].map((i) => found.tokenizers[name].tokens[i]);
const width = (tokens) => tokens.reduce((n, token) => n + [...token.text].length + PADDING, 0);
const ends = (tokens) => tokens.at(-1)?.bytes.endsWith("0a");

// Stretches that have room in a line; the text's own lines end there too.
function lines(found, names) {
  const room = columns(Math.max(0, ...names.map((name) => name.length)));
  const all = [[]];
  let used = 0;
  for (const stretch of found.stretches) {
    const texts = names.map((name) => tokensOf(found, name, stretch));
    const needed = Math.max(...texts.map(width));
    if (used && used + needed > room) used = all.push([]) && 0;
    all.at(-1).push(stretch);
    used += needed;
    if (texts.some(ends)) used = all.push([]) && 0;
  }
  return all.filter((line) => line.length);
}

function columns(label) {
  const probe = find("side-text").appendChild(element("span", { class: "specimen" }, "0".repeat(10)));
  const one = probe.getBoundingClientRect().width / 10;
  probe.remove();
  return find("side-text").clientWidth / one - Math.min(label, LABEL) - 3;
}

function block(found, names, line) {
  const cell = (name, stretch) => element("td", { class: stretch.differs ? "differs" : "" },
    ...tokensOf(found, name, stretch).map((token) => element("span", { class: classes(token), dir: "auto", title: `id ${token.id}` }, token.text)));
  const row = (name) => element("tr", {}, element("th", { scope: "row", title: name }, name), ...line.map((stretch) => cell(name, stretch)));
  const marks = element("tr", { class: "marks" }, element("td"),
    ...line.map((stretch) => element("td", {}, stretch.differs ? element("span", { role: "img", "aria-label": "cut differently" }, MARK) : "")));
  return element("div", { class: "wide" },
    element("table", { class: "side raw", dir: "ltr" }, element("tbody", {}, ...names.map(row), line.some((one) => one.differs) ? marks : null)));
}
