// Tabs, and what stands at the head of the page.

import { ask } from "./api.js";
import * as attention from "./attention.js";
import * as dead from "./dead.js";
import { find } from "./dom.js";
import * as kept from "./kept.js";
import { fail, guarded, say } from "./message.js";
import { whole } from "./numbers.js";
import * as rows from "./rows.js";
import * as runs from "./runs.js";
import * as text from "./text.js";
import * as tokens from "./tokens.js";

const VIEWS = { text, tokens, attention, rows, dead, runs };
const WITH_TEXT = new Set(["text", "tokens", "attention"]);
const tabs = [...find("tabs").children];
const nameOf = (tab) => tab.id.replace("tab-", "");

let shown = null;

// A tab, and what to show there: the id of a row, the position of a token.
function open(name, what) {
  shown = name;
  for (const tab of tabs) {
    const isOpen = nameOf(tab) === name;
    tab.setAttribute("aria-selected", isOpen);
    tab.tabIndex = isOpen ? 0 : -1;
    find(`panel-${nameOf(tab)}`).hidden = !isOpen;
  }
  find("composer").hidden = !WITH_TEXT.has(name);
  for (const [other, view] of Object.entries(VIEWS)) if (other !== name) view.hide?.();
  say();
  VIEWS[name].show(what).catch((error) => shown === name && fail(error));
}

// Each tab that is chosen has its place in the history.
function choose(tab) {
  if (nameOf(tab) !== shown) history.pushState(null, "", `#${nameOf(tab)}`);
  open(nameOf(tab));
}

function follow() {
  const [name, what] = location.hash.slice(1).split("/");
  const tab = tabs.find((one) => nameOf(one) === name);
  if (tab && !tab.hidden) open(name, what);
  else if (!shown) open("text");
}

function turn(event) {
  const all = tabs.filter((tab) => !tab.hidden);
  const at = all.indexOf(event.target);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined || at < 0) return;
  const tab = all[(next + all.length) % all.length];
  tab.focus();
  choose(tab);
  event.preventDefault();
}

async function begin() {
  const about = await ask("about");
  document.title = `${about.name}: cygnet`;
  find("name").textContent = about.name;
  find("facts").textContent = [
    `${about.architecture}, ${whole(about.parameters)} parameters`,
    `${whole(about.vocab_size)} tokens`,
    about.context ? `context ${whole(about.context)}` : "no longest context",
  ].join(" · ");
  find("tab-dead").hidden = !about.has.dead;
  find("tab-runs").hidden = !about.has.runs;
  for (const view of Object.values(VIEWS)) view.begin?.(about);
  kept.begin(about.name);
  for (const tab of tabs) tab.addEventListener("click", () => choose(tab));
  find("tabs").addEventListener("keydown", turn);
  addEventListener("hashchange", follow);
  follow();
}

guarded(begin)();
