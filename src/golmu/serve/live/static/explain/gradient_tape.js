// The gradient tape on y = x³ + 2x + 5: what is recorded forward, the slope that comes of it backward, the tangent.

import { choice, slider } from "../controls.js";
import { make } from "../elements.js";
import { formatNumber } from "../numbers.js";
import { Plot, dragOn } from "./plot.js";

const [LOW, HIGH] = [-3, 4];
const REACH = 1.4; // of the tangent to both sides
const CODE = `x = tf.Variable([1.0, 2.0, 3.0])
with tf.GradientTape() as tape:
    y = x ** 3 + 2 * x + 5
tape.gradient(y, x)   # [ 5., 14., 29.]`;

const value = (x) => x ** 3 + 2 * x + 5;
const slope = (x) => 3 * x ** 2 + 2;
const short = (number) =>
  formatNumber(Math.round(1000 * number) / 1000, Number.isInteger(Math.round(1000 * number) / 1000) ? 0 : 2);

export function explainGradientTape(words) {
  let x = 2;
  const label = (name, values) => words(`explain.tape.${name}`, values);
  const plot = new Plot({ label: label("plot"), xs: [LOW, HIGH], ys: [-40, 80], ticks: [1, 20] });
  plot.curve(value, "plot-line");
  const tangent = plot.curve([], "plot-tangent"),
    point = plot.point("plot-point"),
    result = make("p", { class: "equation" });
  const rows = ["x", "a = x³", "b = 2x", "y = a + b + 5"].map((name) => [
    make("th", { scope: "row" }, name),
    make("td"),
    make("td"),
  ]);
  const head = ["recorded", "number", "slope"].map((name) => make("th", { scope: "col" }, label(name)));
  const table = make(
    "table",
    { class: "tape" },
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells))),
  );
  const move = (next) => {
    x = Math.round(10 * next) / 10;
    place.set(x);
    presets.set([1, 2, 3].includes(x) ? x : null);
    update();
  };
  const place = slider({
    label: "x",
    low: LOW,
    high: HIGH,
    step: 0.1,
    value: x,
    format: (number) => formatNumber(number, 1),
    changed: move,
  });
  const presets = choice({
    label: "x",
    options: [1, 2, 3].map((number) => [number, `x = ${number}`]),
    value: x,
    changed: move,
  });
  dragOn(plot, move);

  function update() {
    const [y, gradient] = [value(x), slope(x)];
    plot.redraw(
      tangent,
      [x - REACH, x + REACH].map((at) => [at, y + gradient * (at - x)]),
    );
    point.move(x, y);
    const texts = [
      [short(x), ""],
      [short(x ** 3), `da/dx = 3x² = ${short(3 * x ** 2)}`],
      [short(2 * x), "db/dx = 2"],
      [short(y), "dy/da = 1, dy/db = 1"],
    ];
    texts.forEach(([number, own], i) => ([rows[i][1].textContent, rows[i][2].textContent] = [number, own]));
    result.textContent = `dy/dx = 1 · ${short(3 * x ** 2)} + 1 · 2 = ${short(gradient)}`;
  }

  update();
  return [
    make(
      "div",
      { class: "beside-plot" },
      make("div", {}, plot.element, make("div", { class: "controls" }, presets.element), place.element),
      make("div", {}, table, result, make("pre", { tabindex: 0, "aria-label": label("code") }, make("code", {}, CODE))),
    ),
  ];
}
