// Tokens as they run: borders, surprise, kinds. One of them has the focus; arrow keys move it.
// A position keeps its element as long as there is a token, and only what differs is touched:
// focus, selection and pointer stay where they are, and a token that comes does not wait for others.

import { element } from "./dom.js";
import { bits, probability } from "./numbers.js";

const MOST_SURPRISING = 10; // bits at which the colour is at its strongest
const STRICT = new TextDecoder("utf-8", { fatal: true });

export const sizeOf = (token) => token.bytes.length / 2;
export const bytesOf = (token) => Uint8Array.from({ length: sizeOf(token) }, (_, i) => parseInt(token.bytes.slice(2 * i, 2 * i + 2), 16));

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
    this.items = [];
    this.tokens = [];
    target.addEventListener("keydown", (event) => this.#key(event));
    target.addEventListener("click", (event) => this.#on(event, (i) => this.pin(i)));
    target.addEventListener("focusin", (event) => this.#on(event, (i) => this.#show(i)));
    target.addEventListener("mouseover", (event) => this.#on(event, (i) => this.#show(i)));
  }

  draw(tokens) {
    this.decoder = new TextDecoder();
    if (tokens[this.pinned]?.id !== this.tokens[this.pinned]?.id) this.pinned = null;
    for (const item of this.items.splice(tokens.length)) this.#remove(item);
    this.tokens.length = this.items.length;
    tokens.forEach((token, i) => this.#put(token, i));
    this.#settle();
  }

  // Who sees the end sees what comes; who has scrolled away stays there.
  add(token) {
    const { scrollTop, clientHeight, scrollHeight } = this.target;
    this.#put(token, this.items.length);
    if (scrollTop + clientHeight >= scrollHeight - 2) this.#toEnd();
  }

  reveal() {
    this.#toEnd();
    this.items.at(-1)?.scrollIntoView({ block: "nearest" });
  }

  // The token that stays shown while others come: the one that is pinned, or pointed at.
  get held() {
    const pointed = this.target.querySelector(".token:is(:hover, :focus-visible)");
    return this.pinned ?? (pointed && Number(pointed.dataset.i));
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

  #toEnd() {
    this.target.scrollTop = this.target.scrollHeight;
  }

  #put(token, i) {
    const clean = this.decoder.decode(bytesOf(token), { stream: true });
    const item = (this.items[i] ??= this.#append(i));
    set(item.children[1], "textContent", clean);
    if (this.tokens[i] === token) return;
    this.tokens[i] = token;
    set(item, "className", classes(token) + (i === this.pinned ? " pinned" : ""));
    set(item, "ariaLabel", spoken(token));
    set(item.children[0], "textContent", token.text);
    set(item.children[2], "textContent", token.surprise == null ? "" : bits(token.surprise));
    const share = Math.min(1, (token.surprise ?? 0) / MOST_SURPRISING).toFixed(3);
    if (item.style.getPropertyValue("--s") !== share) item.style.setProperty("--s", share);
    this.#turn(item, token.bytes.endsWith("0a"));
  }

  #append(i) {
    const item = element("span", { role: "button", tabindex: i === this.current ? "0" : "-1", "data-i": i, dir: "auto" },
      element("span", { class: "marked" }), element("span", { class: "clean" }), element("span", { class: "under", "aria-hidden": "true" }));
    this.target.append(item);
    return item;
  }

  #remove(item) {
    this.#turn(item, false);
    item.remove();
  }

  #turn(item, turns) {
    const next = item.nextElementSibling;
    const isThere = next?.className === "turn";
    if (turns && !isThere) item.after(element("br", { class: "turn" }));
    if (!turns && isThere) next.remove();
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

function set(item, property, value) {
  if (item[property] !== value) item[property] = value;
}

export function classes(token) {
  const origin = { given: "given", forced: "forced", drawn: "" }[token.origin];
  const kind = token.kind === "text" ? (isPartial(token) ? "partial" : "") : token.kind;
  return ["token", origin, kind, token.carries_loss ? "" : "uncounted"].filter(Boolean).join(" ");
}

function spoken(token) {
  const parts = [token.text];
  if (token.kind !== "text") parts.push(token.kind);
  if (token.surprise != null) parts.push(probability(token.probability), `${bits(token.surprise)} bits`);
  return parts.join(", ");
}
