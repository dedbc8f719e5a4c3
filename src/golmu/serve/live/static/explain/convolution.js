// A convolution by hand: one window of a small image, nine products, one sum.

import { button, choice } from "../controls.js";
import { make } from "../elements.js";
import { NumberGrid } from "../number_grid.js";
import { formatAddend, formatNumber } from "../numbers.js";
import { Hold } from "../pointing.js";

const SIDE = 6;
const IMAGE = [
  [0, 0, 0, 0, 0, 0],
  [0, 9, 9, 9, 9, 0],
  [0, 0, 0, 9, 0, 0],
  [0, 0, 9, 0, 0, 0],
  [0, 0, 9, 0, 0, 0],
  [0, 0, 0, 0, 0, 0],
].flat();
const KERNELS = {
  upright: [-1, 2, -1, -1, 2, -1, -1, 2, -1],
  level: [-1, -1, -1, 2, 2, 2, -1, -1, -1],
  edge: [-1, 0, 1, -1, 0, 1, -1, 0, 1],
  sum: [1, 1, 1, 1, 1, 1, 1, 1, 1],
};
const LARGEST_WEIGHT = 9;

/** Return the nine values around a cell of the image; what lies outside is 0. */
function windowAt({ y, x }) {
  return KERNELS.sum.map((_, i) => {
    const [row, column] = [y + Math.floor(i / 3) - 1, x + (i % 3) - 1];
    return row >= 0 && row < SIDE && column >= 0 && column < SIDE ? IMAGE[row * SIDE + column] : 0;
  });
}

const products = (values, weights) => values.map((value, i) => value * weights[i] || 0); // 0 and not −0
const total = (values) => values.reduce((sum, value) => sum + value, 0);

export function explainConvolution(words) {
  let weights = [...KERNELS.upright],
    cell = { y: 2, x: 3 },
    isExercise = false;
  const label = (name, values) => words(`explain.convolution.${name}`, values);
  const point = (to) => {
    cell = { y: to.y, x: to.x };
    answer.value = "";
    update();
  };
  const pointable = { pointed: point, hold: new Hold(), keys: "explain-keys" };
  const image = new NumberGrid({ rows: SIDE, columns: SIDE, label: label("image"), options: pointable });
  const map = new NumberGrid({ rows: SIDE, columns: SIDE, label: label("map"), options: pointable });
  const part = new NumberGrid({ rows: 3, columns: 3, label: label("window") });
  const made = new NumberGrid({ rows: 3, columns: 3, label: label("products") });
  const inputs = weights.map((_, i) => {
    const name = label("weight", { row: Math.floor(i / 3) + 1, column: (i % 3) + 1 });
    const input = make("input", {
      type: "number",
      min: -LARGEST_WEIGHT,
      max: LARGEST_WEIGHT,
      step: 1,
      "aria-label": name,
    });
    input.addEventListener("input", () => {
      weights[i] = Math.min(Math.max(Math.round(Number(input.value)) || 0, -LARGEST_WEIGHT), LARGEST_WEIGHT);
      presets.set(null);
      update();
    });
    return input;
  });
  const showWeights = () => inputs.forEach((input, i) => (input.value = weights[i]));
  const presets = choice({
    label: label("kernel"),
    options: Object.keys(KERNELS).map((name) => [name, label(name)]),
    value: "upright",
    changed: (name) => {
      weights = [...KERNELS[name]];
      showWeights();
      update();
    },
  });
  const sum = make("p", { class: "equation" }),
    verdict = make("p", { class: "verdict", role: "status" });
  const answer = make("input", { type: "number", step: 1, class: "answer" });
  const exercise = make(
    "form",
    { class: "controls" },
    make("label", {}, `${label("yours")} `, answer),
    make("button", { type: "submit" }, label("check")),
  );
  const toggle = button(label("exercise"), () => {
    isExercise = !isExercise;
    answer.value = "";
    update();
    if (isExercise) answer.focus();
  });
  exercise.addEventListener("submit", (event) => {
    event.preventDefault();
    const right = total(products(windowAt(cell), weights)),
      given = Number(answer.value);
    if (answer.value === "") return;
    verdict.textContent = given === right ? label("right", { sum: formatNumber(right, 0) }) : label("wrong");
  });

  function update() {
    const values = windowAt(cell),
      made9 = products(values, weights),
      result = total(made9);
    const sums = IMAGE.map((_, i) => total(products(windowAt({ y: Math.floor(i / SIDE), x: i % SIDE }), weights)));
    const isNear = (i) => Math.abs(Math.floor(i / SIDE) - cell.y) <= 1 && Math.abs((i % SIDE) - cell.x) <= 1;
    const isCell = (i) => i === cell.y * SIDE + cell.x,
      whole = (value) => formatNumber(value, 0);
    image.pointing.cell = map.pointing.cell = cell;
    image.show(IMAGE, { format: whole, largest: 9, classes: IMAGE.map((_, i) => (isNear(i) ? "marked" : "")) });
    part.show(values, { format: whole, largest: 9 });
    made.show(made9, { format: whole, largest: Math.max(1, ...made9.map(Math.abs)) });
    map.show(isExercise ? sums.map((value, i) => (isCell(i) ? null : value)) : sums, {
      format: whole,
      largest: Math.max(1, ...sums.map(Math.abs)),
      classes: sums.map((_, i) => (isCell(i) ? "marked" : "")),
    });
    const terms = made9.filter((value) => value !== 0).map((value, i) => (i ? formatAddend(value, 0) : whole(value)));
    sum.textContent = `${terms.length ? terms.join(" ") : "0"} = ${isExercise ? "?" : whole(result)}`;
    exercise.hidden = !isExercise;
    verdict.textContent = "";
    toggle.setAttribute("aria-pressed", String(isExercise));
  }

  const figure = (title, ...children) => make("figure", {}, make("figcaption", {}, title), ...children);
  showWeights();
  update();
  return [
    make("div", { class: "controls" }, presets.element),
    make(
      "div",
      { class: "by-hand" },
      figure(label("image"), image.element),
      make(
        "div",
        { class: "trio" },
        figure(label("window"), part.element),
        make("span", { class: "sign" }, "×"),
        figure(label("kernel"), make("div", { class: "number-inputs" }, ...inputs)),
        make("span", { class: "sign" }, "="),
        figure(label("products"), made.element),
      ),
      figure(label("map"), map.element),
    ),
    sum,
    make("div", { class: "controls" }, toggle, exercise),
    verdict,
  ];
}
