// The form of the settings of the next training.

import { make } from "./elements.js";
import { MAX_BLOCKS } from "./settings.js";

const GROUPS = {
  network: ["n_kernels", "units"],
  training: ["learning_rate", "optimizer", "batch_size", "epochs"],
  regularisation: ["feature_dropout", "hidden_dropout", "shift"],
};

/** Where the sliders stand; a number beyond them can be typed. */
const SLIDERS = {
  n_kernels: [1, 64, 1], units: [10, 300, 10], epochs: [1, 100, 1], shift: [0, 4, 1],
  feature_dropout: [0, 0.9, 0.05], hidden_dropout: [0, 0.9, 0.05],
};

/** Sliders that move among these values. */
const VALUES = {
  learning_rate: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 3, 10],
  batch_size: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
};

/** Return the number of the value that is nearest to another, by ratio. */
function nearest(values, value) {
  const distance = (one) => Math.abs(Math.log(one / Math.max(value, 1e-12)));
  return values.reduce((best, one, i) => (distance(one) < distance(values[best]) ? i : best), 0);
}

/** Return a number with its label, a slider and a box to type in; `changed` is called with a number that can be used. */
function makeNumber(app, { label, help, field, slider, values, isWhole, changed }) {
  const box = make("input", { type: "number", step: isWhole ? "1" : "any", inputmode: "decimal" });
  const [low, high, step] = values ? [0, values.length - 1, 1] : (slider ?? [0, 0, 1]);
  const range = make("input", { type: "range", min: low, max: high, step, tabindex: "-1", "aria-hidden": "true" });
  const name = make("label", { title: help }, make("span", {}, label), box);
  const wrong = make("p", { class: "wrong", role: "alert", hidden: "" });
  const whatIsWrong = (value) => {
    if (Number.isFinite(value) && isWithin(value, field) && !(isWhole && !Number.isInteger(value))) return "";
    const isBounded = field.high !== null && field.high !== undefined;
    const key = isBounded ? (isWhole ? "whole" : "within") : field.isAbove ? "above" : isWhole ? "whole_least" : "least";
    return app.words(`train.wrong_${key}`, { name: label, low: field.low, high: field.high });
  };
  const take = (value) => {
    const words = box.value === "" ? whatIsWrong(NaN) : whatIsWrong(value);
    wrong.hidden = words === "";
    wrong.textContent = words;
    box.setAttribute("aria-invalid", String(words !== ""));
    if (!words) changed(value);
  };
  box.addEventListener("change", () => take(Number(box.value)));
  range.addEventListener("input", () => {
    box.value = values ? values[range.value] : range.value;
    take(Number(box.value));
  });
  const set = (value) => {
    if (document.activeElement !== box || Number(box.value) !== value) box.value = value;
    range.value = values ? nearest(values, value) : value;
    wrong.hidden = true;
    box.removeAttribute("aria-invalid");
  };
  return { element: make("div", { class: "field" }, name, ...(slider || values ? [range] : []), wrong), set };
}

/** Whether a number is in the range of a field; a learning rate has none below, but must be above 0. */
function isWithin(value, { low, high, isAbove }) {
  return (isAbove ? value > low : value >= low) && (high === null || high === undefined || value <= high);
}

function makeChoice({ label, help, options, changed }) {
  const select = make("select", {}, ...options.map(([value, words]) => make("option", { value }, words)));
  select.addEventListener("change", () => changed(select.value));
  const element = make("div", { class: "field choice" }, make("label", { title: help }, make("span", {}, label), select));
  return { element, set: (value) => (select.value = value) };
}

/** Start the form, for the settings of the app. */
export function startForm(app, signal) {
  const { settings, hello } = app;
  const fields = { ...hello.fields, learning_rate: { ...hello.fields.learning_rate, isAbove: true } };
  const words = (name) => ({ label: app.words(`field.${name}`), help: app.words(`field.${name}.help`) });
  const titleOf = ({ name, title }) => (app.language.has(`data.${name}`) ? app.words(`data.${name}`) : title);
  const data = makeChoice({
    label: app.words("train.data_set"), help: "", options: hello.data_sets.map((one) => [one.name, titleOf(one)]),
    changed: (dataSet) => settings.choose({ dataSet }),
  });
  const about = make("p", { class: "soft" });
  const recipe = makeChoice({
    label: app.words("train.recipe"), help: "", options: Object.keys(hello.recipes).map((name) => [name, app.words(`recipe.${name}`)]),
    changed: (name) => settings.choose({ recipe: name }),
  });
  const back = make("button", { type: "button", class: "link" }, app.words("train.back_to_recipe"));
  back.addEventListener("click", () => settings.choose({ recipe: settings.recipe }));

  const kernels = () => [settings.get("n_kernels")].flat();
  const setKernels = (numbers) => settings.set("n_kernels", numbers.length > 1 ? numbers : numbers[0]);
  const blocks = makeNumber(app, {
    ...words("blocks"), field: { low: 1, high: MAX_BLOCKS }, slider: [1, MAX_BLOCKS, 1], isWhole: true,
    changed: (n) => setKernels(Array.from({ length: n }, (_, i) => kernels()[i] ?? 2 * kernels().at(-1))),
  });
  const ofBlocks = Array.from({ length: MAX_BLOCKS }, (_, i) =>
    makeNumber(app, {
      ...words("n_kernels"), ...(i ? { label: app.words("field.kernels_of", { block: i + 1 }) } : {}), field: fields.n_kernels,
      slider: SLIDERS.n_kernels, isWhole: true, changed: (value) => setKernels(kernels().map((one, k) => (k === i ? value : one))),
    }));

  const controls = { blocks };
  const makeField = (name) => {
    const field = fields[name], changed = (value) => settings.set(name, value);
    const options = field.choices?.map((one) => [one, app.words(`field.${name}.${one}`)]);
    if (options) return makeChoice({ ...words(name), options, changed });
    return makeNumber(app, { ...words(name), field, slider: SLIDERS[name], values: VALUES[name], isWhole: field.kind === "int", changed });
  };
  const groups = Object.entries(GROUPS).map(([group, names]) => {
    const made = names.flatMap((name) => {
      if (name === "n_kernels") return [blocks, ...ofBlocks];
      return [(controls[name] = makeField(name))];
    });
    return make("fieldset", {}, make("legend", {}, app.words(`train.${group}`)), ...made.map(({ element }) => element));
  });
  const changeSeed = (value) => settings.choose({ seed: value });
  const seed = makeNumber(app, { ...words("seed"), field: { low: 0, high: 2 ** 32 - 1 }, isWhole: true, changed: changeSeed });
  groups[1].append(seed.element);

  const copied = make("p", { class: "soft", role: "status" });
  const copy = make("button", { type: "button", class: "plain" }, app.words("train.copy_address"));
  copy.addEventListener("click", async () => {
    settings.write();
    try {
      await navigator.clipboard.writeText(location.href);
      copied.textContent = app.words("train.copied");
    } catch {
      copied.textContent = location.href; // a browser that lets no page copy
    }
  });

  const element = make(
    "form", { class: "card settings", "aria-label": app.words("train.settings") },
    data.element, about, make("div", { class: "recipe-field" }, recipe.element, back), ...groups, make("div", { class: "settings-end" }, copy, copied),
  );
  element.addEventListener("submit", (event) => event.preventDefault());

  function show() {
    const { name, n_images: n, shape, class_names: classes, is_here: isHere } = settings.data;
    data.set(name);
    const size = shape ? app.words("train.images", { n, height: shape[0], width: shape[1], classes: classes.length }) : "";
    about.textContent = [size, isHere ? "" : app.words("train.downloads")].filter(Boolean).join("; ");
    about.hidden = about.textContent === "";
    recipe.set(settings.recipe);
    back.hidden = Object.keys(settings.changes).length === 0;
    blocks.set(kernels().length);
    ofBlocks.forEach((one, i) => {
      one.element.hidden = i >= kernels().length;
      if (i < kernels().length) one.set(kernels()[i]);
    });
    for (const [field, control] of Object.entries(controls)) if (field !== "blocks") control.set(settings.get(field));
    seed.set(settings.seed);
    copied.textContent = "";
  }

  app.addEventListener("settings", show, { signal });
  show();
  return element;
}
