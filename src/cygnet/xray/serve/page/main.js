// Tabs, and what stands at the head of the page.

import { ask } from "./api.js";
import * as attention from "./attention.js";
import * as dead from "./dead.js";
import { find } from "./dom.js";
import { guarded } from "./message.js";
import { whole } from "./numbers.js";
import * as rows from "./rows.js";
import * as runs from "./runs.js";
import * as text from "./text.js";
import * as tokens from "./tokens.js";

const VIEWS = { text, tokens, attention, rows, dead, runs };
const WITH_TEXT = new Set(["text", "tokens", "attention"]);
const tabs = [...find("tabs").children];
const nameOf = (tab) => tab.id.replace("tab-", "");

function open(name) {
  for (const tab of tabs) {
    const isOpen = nameOf(tab) === name;
    tab.setAttribute("aria-selected", isOpen);
    tab.tabIndex = isOpen ? 0 : -1;
    find(`panel-${nameOf(tab)}`).hidden = !isOpen;
  }
  find("composer").hidden = !WITH_TEXT.has(name);
  for (const [other, view] of Object.entries(VIEWS)) if (other !== name) view.hide?.();
  history.replaceState(null, "", `#${name}`);
  guarded(VIEWS[name].show)();
}

function turn(event) {
  const shown = tabs.filter((tab) => !tab.hidden);
  const at = shown.indexOf(event.target);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 }[event.key];
  if (next === undefined || at < 0) return;
  const tab = shown[(next + shown.length) % shown.length];
  tab.focus();
  open(nameOf(tab));
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
  for (const tab of tabs) tab.addEventListener("click", () => open(nameOf(tab)));
  find("tabs").addEventListener("keydown", turn);
  const asked = location.hash.slice(1);
  const tab = find(`tab-${asked}`);
  open(tab && !tab.hidden ? asked : "text");
}

guarded(begin)();
