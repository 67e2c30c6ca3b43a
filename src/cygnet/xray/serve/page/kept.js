// What a reload leaves as it is: the text, what is written behind it, and the settings.

import { find } from "./dom.js";
import * as text from "./text.js";

const FIELDS = ["box", "temperature", "top_k", "top_p", "min_p", "seed", "max_tokens"];
const CHECKS = ["special", "raw", "bits"];

export function begin(name) {
  const key = `cygnet: ${name}`;
  const found = sessionStorage.getItem(key);
  if (found) restore(JSON.parse(found));
  addEventListener("pagehide", () => keep(key));
}

function restore({ fields, checks, written }) {
  for (const id of FIELDS) find(id).value = fields[id];
  for (const id of CHECKS) find(id).checked = checks[id];
  text.restore(written);
}

function keep(key) {
  const read = (ids, property) => Object.fromEntries(ids.map((id) => [id, find(id)[property]]));
  const now = { fields: read(FIELDS, "value"), checks: read(CHECKS, "checked"), written: text.written() };
  try {
    sessionStorage.setItem(key, JSON.stringify(now));
  } catch { // more than the browser keeps
    sessionStorage.setItem(key, JSON.stringify({ ...now, written: [] }));
  }
}
