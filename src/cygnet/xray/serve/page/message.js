// One line that says what went wrong, or what has been done.

import { find } from "./dom.js";

export function say(text = "") {
  find("message").textContent = text;
  find("message").classList.remove("error");
}

export function fail(error) {
  if (error.name === "AbortError") return;
  find("message").textContent = error.message;
  find("message").classList.add("error");
}

// Runs an asynchronous function and says what went wrong with it.
export const guarded = (act) => (...values) => act(...values).catch(fail);
