// ReLU: what is below 0 becomes 0. A bias moves the place of the cut.

import { slider } from "../controls.js";
import { make } from "../elements.js";
import { NumberGrid } from "../number_grid.js";
import { formatNumber } from "../numbers.js";
import { Plot, dragOn } from "./plot.js";

const SUMS = [-2.1, -0.4, 1.3, 2.6, -1.2, 0.2, 2.9, 1.1, -0.6, 1.8, 2.2, -0.9, 0.7, 2.4, -0.3, -1.7];
const relu = (value) => Math.max(0, value);

export function explainRelu(words) {
  let value = -1.5,
    bias = 0;
  const label = (name, values) => words(`explain.relu.${name}`, values);
  const plot = new Plot({ label: label("plot"), xs: [-3, 3], ys: [-1, 3], ticks: [1, 1] });
  plot.curve((x) => x, "plot-faint");
  plot.curve(relu, "plot-line");
  const point = plot.point("plot-point"),
    equation = make("p", { class: "equation" }),
    kept = make("p", { class: "soft" });
  const before = new NumberGrid({ rows: 4, columns: 4, label: label("before") });
  const after = new NumberGrid({ rows: 4, columns: 4, label: label("after") });
  const setValue = (next) => {
    value = Math.round(10 * next) / 10;
    update();
  };
  const place = slider({
    label: label("value"),
    low: -3,
    high: 3,
    step: 0.1,
    value,
    format: (x) => formatNumber(x, 1),
    changed: setValue,
  });
  const shift = slider({
    label: label("bias"),
    low: -3,
    high: 3,
    step: 0.1,
    value: bias,
    format: (x) => formatNumber(x, 1),
    changed: (next) => {
      bias = next;
      update();
    },
  });
  dragOn(plot, (x) => {
    setValue(x);
    place.set(value);
  });

  function update() {
    const sums = SUMS.map((sum) => Math.round(10 * (sum + bias)) / 10),
      one = (x) => formatNumber(x, 1);
    point.move(value, relu(value));
    equation.textContent = `max(0, ${one(value)}) = ${one(relu(value))} · ${label("slope", { slope: value > 0 ? 1 : 0 })}`;
    before.show(sums, { format: one, largest: 5 });
    after.show(sums.map(relu), { format: one, largest: 5, classes: sums.map((sum) => (sum > 0 ? "" : "faint")) });
    kept.textContent = label("kept", { n: sums.filter((sum) => sum > 0).length, of: sums.length, bias: one(bias) });
  }

  update();
  return [
    make(
      "div",
      { class: "beside-plot" },
      make("div", {}, plot.element, place.element, equation),
      make(
        "div",
        {},
        make(
          "div",
          { class: "by-hand" },
          make("figure", {}, make("figcaption", {}, label("before")), before.element),
          make("span", { class: "sign" }, "→"),
          make("figure", {}, make("figcaption", {}, label("after")), after.element),
        ),
        shift.element,
        kept,
      ),
    ),
  ];
}
