// The tokens tab: the text through the tokenizer, without any model.

import { ask } from "./api.js";
import { debounced, element, find, table } from "./dom.js";
import { guarded, say } from "./message.js";
import { whole } from "./numbers.js";
import { wholeText } from "./text.js";
import { TokensView, isPartial, sizeOf } from "./tokens_view.js";

let view;
let asked = 0;

export function begin() {
  view = new TokensView(find("split"), (i) => mark(i));
  const later = debounced(() => find("panel-tokens").hidden || guarded(show)(), 200);
  find("box").addEventListener("input", later);
  find("special").addEventListener("change", later);
}

export async function show() {
  const number = ++asked;
  const found = await ask("tokens", { text: wholeText(), special: find("special").checked });
  if (number !== asked) return; // a later text has been asked for
  view.draw(found.tokens);
  const sizes = found.tokens.map((token) => (token.kind === "text" ? sizeOf(token) : 0));
  const n = found.tokens.length;
  const size = sizes.reduce((a, b) => a + b, 0);
  const texts = found.tokens.filter((token) => token.kind === "text").length;
  const perToken = texts ? `, ${(size / texts).toFixed(2)} bytes per token` : "";
  find("split-totals").textContent = `${whole(n)} tokens, ${whole(size)} bytes${perToken}`;
  table(find("split-table"), ["", "token", "id", "bytes", "kind", "role", "loss"], found.tokens.map(row));
  say();
}

function row(token, i) {
  const kind = token.kind === "text" && isPartial(token) ? "part of a character" : token.kind;
  return [
    whole(i),
    element("span", { class: "specimen", dir: "auto" }, token.text),
    token.id,
    token.bytes.match(/../g)?.join(" ") ?? "",
    kind,
    token.role ?? "",
    token.carries_loss ? "counts" : "does not count",
  ];
}

function mark(i) {
  const rows = find("split-table").tBodies[0]?.rows ?? [];
  for (const [at, one] of [...rows].entries()) one.classList.toggle("marked-row", at === i);
  if (view.pinned !== null) rows[i]?.scrollIntoView({ block: "nearest" });
}
