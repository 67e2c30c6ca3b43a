// One token: its figures, and what else it could have been.

import { element } from "./dom.js";
import { probability, whole } from "./numbers.js";

const ORIGINS = { given: "given", drawn: "drawn", forced: "chosen by you" };
const KINDS = { text: "", special: "special token", dead: "dead row" };

export function inspect(target, token, position, choose) {
  if (!token) {
    target.replaceChildren(
      element("p", { class: "quiet" }, "Point at a token, or move to it with the arrow keys, to see its figures. Enter opens what else it could have been."),
    );
    return;
  }
  target.replaceChildren(
    element("h2", {}, element("span", { class: "specimen", dir: "auto" }, token.text)),
    element("p", { class: "quiet" }, [`token ${whole(position)}`, ORIGINS[token.origin], KINDS[token.kind]].filter(Boolean).join(", ")),
    figures(token),
    element("p", {}, element("a", { href: `#rows/${token.id}` }, "its row"), " · ",
      element("a", { href: `#attention/${position}` }, "its attention")),
    alternatives(token, position, choose),
  );
}

function figures(token) {
  const found = [["id", whole(token.id)], ["bytes", token.bytes.match(/../g)?.join(" ") ?? "none"]];
  if (token.surprise != null) {
    found.push(
      ["probability", probability(token.probability)],
      ["log p", token.log_probability == null ? "−∞" : `${token.log_probability.toFixed(2)} nats`],
      ["surprise", `${token.surprise.toFixed(2)} bits`],
      ["rank", whole(token.rank)],
      ["entropy", `${token.entropy.toFixed(2)} bits`],
    );
  }
  if (token.drawn_probability != null) found.push(["as it was drawn", probability(token.drawn_probability)]);
  if (token.role) found.push(["role", token.role]);
  return element("dl", {}, ...found.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function alternatives(token, position, choose) {
  if (!token.alternatives.length) {
    const why = token.probability == null ? "No figures: nothing stands before it, or the model was not asked." : "";
    return element("p", { class: "quiet" }, why);
  }
  const items = token.alternatives.map((other) =>
    element("li", {}, element(
      "button",
      {
        class: `other ${other.kind} ${other.id === token.id ? "here" : ""}`,
        "aria-label": `${other.text}, ${probability(other.probability)}${other.id === token.id ? ", stands here" : ", write on from here"}`,
        "--share": other.probability.toFixed(4),
        onclick: () => choose(position, other.id),
      },
      element("span", { class: "specimen", dir: "auto" }, other.text),
      element("span", { class: "figure" }, `${other.id === token.id ? "● " : ""}${probability(other.probability)}`),
    )),
  );
  return element("div", {},
    element("h3", {}, "It could have been"),
    element("ol", { class: "plain others", onkeydown: move }, ...items),
    element("p", { class: "quiet" }, "Choose one, with the arrow keys too, and the text is written on from there. ● stands here."),
  );
}

// Arrow keys go from one to the next, as the tab key does.
function move(event) {
  const items = [...event.currentTarget.querySelectorAll(".other")];
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (next === undefined) return;
  items[Math.min(items.length - 1, Math.max(0, next))].focus();
  event.preventDefault();
}
