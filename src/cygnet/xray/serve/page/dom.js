// Elements made by hand. Text goes in as text: nothing that comes as data is read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const find = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) made.style.setProperty(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null)); // strings become text nodes
  return made;
}

export function table(target, header, rows) {
  const cells = (tag, values, scope) =>
    values.map((value) => element(tag, scope ? { scope } : {}, value instanceof Node ? value : String(value)));
  target.replaceChildren(
    element("thead", {}, element("tr", {}, ...cells("th", header, "col"))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells("td", row)))),
  );
}

export function options(select, values, chosen) {
  select.replaceChildren(
    ...values.map(([value, text]) => element("option", { value, selected: String(value) === String(chosen) }, text)),
  );
}

export function debounced(act, milliseconds) {
  let timer;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), milliseconds);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

// A canvas of so many CSS pixels, sharp on any screen.
export function drawingOn(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
