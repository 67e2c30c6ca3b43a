// Tokens as they run: borders, surprise, kinds. One of them has the focus; arrow keys move it.

import { element } from "./dom.js";
import { bits, percent } from "./numbers.js";

const MOST_SURPRISING = 10; // bits at which the colour is at its strongest
const STRICT = new TextDecoder("utf-8", { fatal: true });

export const bytesOf = (token) => Uint8Array.from(token.bytes.match(/../g) ?? [], (pair) => parseInt(pair, 16));

export function isPartial(token) {
  try {
    STRICT.decode(bytesOf(token));
    return false;
  } catch {
    return true;
  }
}

export function textOf(tokens) {
  const decoder = new TextDecoder();
  return tokens.map((token) => decoder.decode(bytesOf(token), { stream: true })).join("") + decoder.decode();
}

export class TokensView {
  // `onshow(i, pinned)` is called for the token under the pointer or with the focus; with null for none.
  constructor(target, onshow = () => {}) {
    this.target = target;
    this.onshow = onshow;
    this.current = 0;
    this.pinned = null;
    this.clear();
    target.addEventListener("keydown", (event) => this.#key(event));
    target.addEventListener("click", (event) => this.#on(event, (i) => this.pin(i)));
    target.addEventListener("focusin", (event) => this.#on(event, (i) => this.#show(i)));
    target.addEventListener("mouseover", (event) => this.#on(event, (i) => this.#show(i)));
  }

  clear() {
    this.target.replaceChildren();
    this.items = [];
    this.decoder = new TextDecoder();
    this.pinned = null;
  }

  draw(tokens) {
    this.clear();
    for (const token of tokens) this.add(token);
    this.#settle();
  }

  add(token) {
    const i = this.items.length;
    const item = element("span", {
      role: "button",
      tabindex: i === this.current ? "0" : "-1",
      class: classes(token),
      "data-i": i,
      "aria-label": spoken(token),
      dir: "auto",
      "--s": Math.min(1, (token.surprise ?? 0) / MOST_SURPRISING).toFixed(3),
    });
    const clean = this.decoder.decode(bytesOf(token), { stream: true });
    item.append(element("span", { class: "marked" }, token.text), element("span", { class: "clean" }, clean));
    if (token.surprise != null) item.append(element("span", { class: "under", "aria-hidden": "true" }, bits(token.surprise)));
    this.items.push(item);
    this.target.append(item);
    if (token.bytes.endsWith("0a")) this.target.append(element("br", { class: "turn" }));
    return item;
  }

  weigh(weight) {
    this.items.forEach((item, i) => item.style.setProperty("--s", weight(i).toFixed(3)));
  }

  focus(i) {
    this.#move(i);
    this.items[i]?.focus();
  }

  pin(i) {
    this.pinned = this.pinned === i ? null : i;
    this.#move(i);
    this.items.forEach((item, at) => item.classList.toggle("pinned", at === this.pinned));
    this.onshow(i, this.pinned !== null);
  }

  unpin() {
    if (this.pinned !== null) this.pin(this.pinned);
  }

  #show(i) {
    if (this.pinned === null) this.onshow(i, false);
  }

  #on(event, act) {
    const item = event.target.closest(".token");
    if (item) act(Number(item.dataset.i));
  }

  #key(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.focus(Math.min(this.items.length - 1, Math.max(0, this.current + moves[event.key])));
    else if (event.key === "Enter" || event.key === " ") this.#on(event, (i) => this.pin(i));
    else if (event.key === "Escape") this.unpin();
    else return;
    event.preventDefault();
  }

  #move(i) {
    this.items[this.current]?.setAttribute("tabindex", "-1");
    this.current = i;
    this.items[i]?.setAttribute("tabindex", "0");
  }

  #settle() {
    this.#move(Math.min(this.current, Math.max(0, this.items.length - 1)));
  }
}

function classes(token) {
  const origin = { given: "given", forced: "forced", drawn: "" }[token.origin];
  const kind = token.kind === "text" ? (isPartial(token) ? "partial" : "") : token.kind;
  return ["token", origin, kind, token.carries_loss ? "" : "uncounted"].filter(Boolean).join(" ");
}

function spoken(token) {
  const parts = [token.text];
  if (token.kind !== "text") parts.push(token.kind);
  if (token.surprise != null) parts.push(percent(token.probability), `${bits(token.surprise)} bits`);
  return parts.join(", ");
}
