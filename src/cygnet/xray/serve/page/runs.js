// The tab of runs: loss curves, the figures side by side, samples as training went on.

import { ask } from "./api.js";
import { chart } from "./chart.js";
import { element, find, options, table } from "./dom.js";
import { guarded, say } from "./message.js";
import { short, whole } from "./numbers.js";
import { TokensView } from "./tokens_view.js";

let found = null;
let samples = null;
let has;

export function begin(about) {
  has = about.has;
  find("runs-unit").addEventListener("change", curves);
  find("runs-against").addEventListener("change", guarded(read));
}

export async function show() {
  await read(); // again: a training may have gone on
  if (has.samples && !samples) {
    samples = (await ask("samples", {})).prompts;
    draw();
  }
}

async function read() {
  found = await ask("runs", { against: find("runs-against").value || "steps" });
  options(find("runs-unit"), Object.entries(found.units), find("runs-unit").value || "bits_per_byte");
  options(find("runs-against"), Object.entries(found.axes), found.against);
  curves();
  facts();
  say();
}

function curves() {
  const unit = find("runs-unit").value;
  const names = found.summaries.map((run) => run.name);
  const lines = found.curves.filter((curve) => curve.unit === unit).map((curve) => ({
    name: names.length > 1 ? `${curve.run}, ${curve.split}` : curve.split,
    xs: curve.xs,
    ys: curve.ys,
    hollow: curve.split === "train",
    look: names.length > 1 ? names.indexOf(curve.run) : Number(curve.split === "train"),
  }));
  const note = unit === "nats_per_token" && !found.has_one_vocabulary ? ": not to be compared, the vocabularies differ" : "";
  chart(find("runs-chart"), { lines, x: found.axes[found.against], y: found.units[unit] + note, title: `losses in ${found.units[unit]}` });
}

function facts() {
  const runs = found.summaries;
  const loss = (one) => (one ? [one.bits_per_byte && `${one.bits_per_byte.toFixed(3)} bits per byte`, one.nats_per_token && `${one.nats_per_token.toFixed(3)} nats per token`].filter(Boolean).join(", ") : "–");
  const rows = [
    ["steps", (run) => `${whole(run.steps)}${run.steps_planned ? ` of ${whole(run.steps_planned)}` : ""}${run.is_finished ? "" : ", not finished"}`],
    ["tokens", (run) => whole(run.tokens)],
    ["time", (run) => (run.seconds == null ? "–" : `${whole(Math.round(run.seconds))} s`)],
    ["tokens per second", (run) => (run.tokens_per_second == null ? "–" : whole(Math.round(run.tokens_per_second)))],
    ["train", (run) => loss(run.train)],
    ["valid", (run) => loss(run.valid)],
    ["best valid", (run) => (run.best_valid ? `${loss(run.best_valid)} at step ${whole(run.best_valid.step)}` : "–")],
    ["parameters", (run) => short(run.n_parameters)],
    ["vocabulary", (run) => short(run.vocab_size)],
    ...Object.entries(found.differences).map(([name, values]) => [name, (run) => JSON.stringify(values[run.name] ?? null)]),
  ];
  table(find("runs-table"), ["", ...runs.map((run) => run.name)], rows.map(([name, value]) => [name, ...runs.map(value)]));
}

function draw() {
  find("samples").hidden = false;
  find("samples-list").replaceChildren(...samples.map((prompt) =>
    element("section", {}, element("h3", {}, element("span", { class: "specimen" }, prompt.prompt || "(no prompt)")),
      ...bySteps(prompt.samples))));
}

// A row for each step, a column for each run: those that were written at the same time stand side by side.
function bySteps(written) {
  const names = [...new Set(written.map((one) => one.run))];
  const steps = [...new Set(written.map((one) => one.step))];
  return steps.map((step) => element("div", { class: "samples", "--n": names.length },
    ...names.map((name) => sample(written.find((one) => one.step === step && one.run === name)))));
}

function sample(one) {
  if (!one) return element("div", {});
  const tokens = element("div", { class: "tokens", role: "group", "aria-label": `sample at step ${one.step}` });
  new TokensView(tokens).draw(one.trace.tokens);
  const prompt = one.prompt_bits_per_byte == null ? "" : `, the prompt at ${one.prompt_bits_per_byte.toFixed(2)} bits per byte`;
  return element("div", {}, element("p", { class: "quiet" }, `${one.run}, step ${whole(one.step)}${prompt}`), tokens);
}
