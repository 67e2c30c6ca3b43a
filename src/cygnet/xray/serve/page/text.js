// The text tab: a text, its figures, and what the model writes behind it.

import { lines, Refused } from "./api.js";
import { debounced, element, find } from "./dom.js";
import { inspect } from "./inspector.js";
import { fail, guarded, say } from "./message.js";
import { bits, whole } from "./numbers.js";
import { TokensView, sizeOf, textOf } from "./tokens_view.js";

const N_ALTERNATIVES = 10;
const N_SURPRISES = 5;
const NUMBERS = ["temperature", "top_k", "top_p", "min_p", "seed", "max_tokens"];

// The tokens of the box, those behind them, and the text of the box that they are of; how many are to
// be written, and the position that takes the focus once a token is there.
const state = { given: [], written: [], of: null, special: false, end: 0, focus: null, inspected: null };
let kept = []; // what stood behind the text before the page was loaded again
let going = null; // ends what is being asked
let view;

const all = () => [...state.given, ...state.written];
const isCurrent = () => state.of === find("box").value && state.special === find("special").checked;
const ids = (tokens) => tokens.map((token) => token.id);

export function begin({ sampling }) {
  for (const [name, value] of Object.entries(sampling)) find(name).value = value ?? "";
  view = new TokensView(find("tokens"), point);
  inspect(find("inspector"), null);
  find("write").addEventListener("click", () => write({}));
  find("step").addEventListener("click", () => write({ max_tokens: 1 }));
  find("pause").addEventListener("click", pause);
  find("back").addEventListener("click", back);
  find("copy").addEventListener("click", guarded(copy));
  find("edit").addEventListener("click", edit);
  for (const name of NUMBERS) find(name).addEventListener("change", change);
  find("raw").addEventListener("change", look_);
  find("bits").addEventListener("change", look_);
  find("box").addEventListener("input", typed);
  find("special").addEventListener("change", typed);
  find("inspector").addEventListener("keydown", (event) => event.key === "Escape" && leave());
}

export async function show() {
  if (!isCurrent()) await look();
}

export const written = () => (isCurrent() ? state.written : []);

export function restore(tokens) {
  kept = tokens;
  look_();
}

// The text as other tabs read it: the box, and what was written behind it. A special token is part of
// it only where its name is read as one; else the name would be cut into tokens of text.
const isRead = (token) => state.special || token.kind !== "special";
export const wholeText = () => (isCurrent() ? textOf(all().filter(isRead)) : find("box").value);

// The same as ids: tokens that were drawn need not be those that their text is cut into.
export const textOrIds = () => (isCurrent() ? { ids: ids(all()) } : { text: find("box").value, special: find("special").checked });

const lookLater = debounced(() => find("panel-text").hidden || guarded(look)(), 300);

// What is asked about the text of before, nobody waits for any more.
function typed() {
  kept = [];
  pause();
  lookLater();
}

async function look() {
  pause();
  const asked = { text: find("box").value, special: find("special").checked };
  const signal = start();
  try {
    const given = [];
    for await (const event of lines("trace", { ...asked, alternatives: N_ALTERNATIVES }, signal)) given.push(...(event.figures ?? []));
    Object.assign(state, { given, written: kept, of: asked.text, special: asked.special });
    kept = [];
    draw();
    say();
  } finally {
    finish(signal);
  }
}

// Write on: from the end, or from a position with another token there.
async function write({ max_tokens = null, given = null, written = state.written, force = null }) {
  lookLater.cancel();
  going?.abort();
  const signal = start(true);
  const order = { ...numbers(), alternatives: N_ALTERNATIVES, force };
  order.max_tokens = max_tokens ?? order.max_tokens;
  state.end = nWritten(written) + (order.max_tokens ?? Infinity);
  try {
    await follow(order, given, written, signal);
    say();
  } catch (error) {
    fail(error);
  } finally {
    finish(signal);
    sum();
  }
}

const nWritten = (written) => (isCurrent() ? written.length : 0);

// What is changed while the model writes holds from the next token on.
function change(event) {
  if (find("pause").disabled) return;
  const left = state.end - nWritten(state.written);
  write({ max_tokens: event.target.id === "max_tokens" ? null : Math.max(1, left) });
}

async function follow(order, given, written, signal) {
  const text = { text: find("box").value, special: find("special").checked };
  const start = isCurrent()
    ? { given: ids(given ?? state.given), written: ids(written) }
    : { ...text, with_prompt: true };
  const begin = (tokens, behind) => {
    Object.assign(state, { given: tokens, written: [...behind], of: text.text, special: text.special });
    draw();
    view.reveal();
  };
  let isBegun = false;
  const known = []; // the prompt with figures
  for await (const event of lines("write", { ...order, ...start }, signal)) {
    if (signal.aborted) return;
    if (!isBegun) begin(event.prompt ?? given ?? state.given, event.prompt ? [] : written); // only now the old text gives way
    isBegun = true;
    if (event.token) put(event.token);
    if (!event.figures) continue;
    known.push(...event.figures);
    if (known.length < state.given.length) continue;
    state.given = known;
    draw();
  }
}

function put(token) {
  state.written.push(token);
  view.add(token);
  if (state.focus === all().length - 1) view.focus(state.focus);
  state.focus = null;
  if (view.held === null) shown(all().length - 1, false);
  sum(false);
}

function choose(position, token) {
  if (!isCurrent()) return; // the box has changed, and its tokens are on their way
  const n = state.given.length;
  const from = position < n
    ? { given: state.given.slice(0, position), written: [] }
    : { written: state.written.slice(0, position - n) };
  view.unpin();
  state.focus = position;
  write({ ...from, force: token });
}

function back() {
  pause();
  if (!state.written.length) return say("there is nothing behind your text to take back");
  state.written.pop();
  draw();
  say();
}

function pause() {
  going?.abort();
  going = null;
  buttons(false);
}

function start(writes = false) {
  going = new AbortController();
  buttons(writes);
  return going.signal;
}

function finish(signal) {
  if (going?.signal !== signal) return;
  going = null;
  buttons(false);
}

function buttons(writes) {
  find("pause").disabled = !writes;
  find("tokens").setAttribute("aria-busy", writes);
}

function numbers() {
  const values = NUMBERS.map((name) => [name, find(name).value === "" ? null : Number(find(name).value)]);
  return Object.fromEntries(values);
}

async function copy() {
  try {
    await navigator.clipboard.writeText(wholeText());
  } catch {
    throw new Refused("the browser does not allow it: use Edit the text, and copy from the box");
  }
  say("copied");
}

function edit() {
  find("box").value = wholeText();
  find("box").focus();
  guarded(look)();
}

function look_() {
  find("tokens").classList.toggle("raw", find("raw").checked);
  find("tokens").classList.toggle("bits", find("bits").checked);
}

function draw() {
  view.draw(all());
  shown(view.held, view.pinned !== null);
  sum();
}

function shown(i, pinned) {
  const token = i === null ? null : all()[i];
  if (token !== state.inspected) inspect(find("inspector"), token, i, choose);
  state.inspected = token;
  find("inspector").classList.toggle("pinned", pinned);
}

function point(i, pinned) {
  shown(i, pinned);
  if (pinned) find("inspector").querySelector(".other")?.focus();
}

function leave() {
  const i = view.pinned;
  view.unpin();
  if (i !== null) view.focus(i);
}

// The sums of what the server has said of each token; as Trace has them.
function sum(withSurprises = true) {
  const tokens = all();
  const size = (some) => some.reduce((n, token) => n + sizeOf(token), 0);
  const texts = tokens.filter((token) => token.kind === "text");
  const counted = texts.filter((token) => token.surprise != null);
  const surprise = (some) => some.reduce((n, token) => n + (token.surprise ?? 0), 0);
  const perByte = size(counted) ? `, ${(surprise(counted) / size(counted)).toFixed(3)} bits per byte` : "";
  find("totals").textContent =
    `${whole(tokens.length)} tokens, ${whole(size(texts))} bytes, ${surprise(tokens).toFixed(1)} bits${perByte}`;
  if (withSurprises) surprises(tokens);
}

function surprises(tokens) {
  const known = tokens.map((token, i) => [token, i]).filter(([token]) => token.surprise != null);
  known.sort(([a, i], [b, j]) => b.surprise - a.surprise || i - j);
  find("surprising").hidden = !known.length;
  find("surprises").replaceChildren(...known.slice(0, N_SURPRISES).map(([token, i]) =>
    element("li", {}, element("button", { class: "link", onclick: () => view.focus(i) },
      element("span", { class: "specimen", dir: "auto" }, token.text), ` ${bits(token.surprise)} bits, token ${whole(i)}`))));
}
