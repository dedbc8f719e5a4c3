// The stage of a hidden unit: what each kernel's pooled map adds to it, value by value.

import { make } from "../elements.js";
import { formatAddend, formatNumber, formatShort } from "../numbers.js";
import { rove } from "../roving.js";
import { ValueMap, largestOf, paintValues } from "../value_map.js";
import { UNIT_COLUMNS, unitsMap } from "./units.js";

const MAPS = ["pooled", "weights", "products"];

export class HiddenPanel {
  constructor(look) {
    const { words, keys, hold } = look;
    Object.assign(this, { look, words, tiles: [] });
    const chooseUnit = ({ y, x, byKey }) => {
      look.choose({ unit: Math.min(y * UNIT_COLUMNS + x, this.n - 1) });
      if (byKey) look.say(() => this.equation.textContent);
    };
    this.units = new ValueMap({ label: words("look.hidden.units"), keys, pointed: chooseUnit });
    this.maps = MAPS.map((name) => {
      const pointed = ({ y, x, byKey }) => look.point({ y: 2 * y, x: 2 * x, byKey }, () => this.reading.textContent);
      return new ValueMap({ label: words(`look.hidden.${name}`), keys, hold, pointed });
    });
    this.sums = make("div", { class: "unit-sums", role: "group", "aria-label": words("look.hidden.sums") });
    this.reach = rove(this.sums, () => this.columns());
    this.equation = make("p", { class: "equation" });
    this.reading = make("p", { class: "reading" });
    this.title = make("h4");
    const figure = (name, map) =>
      make("figure", { class: "stage-map" }, make("figcaption", {}, words(`look.hidden.${name}`)), map.element);
    this.element = make(
      "div",
      {},
      make("p", {}, words("look.hidden.text")),
      make(
        "div",
        { class: "stage-hidden" },
        figure("units", this.units),
        make("figure", {}, make("figcaption", {}, words("look.hidden.sums")), this.sums, this.equation),
      ),
      this.title,
      make("div", { class: "maps" }, ...MAPS.map((name, i) => figure(name, this.maps[i]))),
      this.reading,
    );
  }

  columns() {
    const tops = this.tiles.map(({ element }) => element.offsetTop),
      n = tops.findIndex((top) => top !== tops[0]);
    return n < 0 ? tops.length : n;
  }

  makeTiles(n) {
    this.tiles = Array.from({ length: n }, (_, kernel) => {
      const canvas = make("canvas"),
        number = make("span", { class: "number" });
      const element = make(
        "button",
        { type: "button", class: "tile" },
        make("span", { class: "soft" }, String(kernel + 1)),
        canvas,
        number,
      );
      element.addEventListener("click", () => this.look.choose({ kernel }));
      return { element, canvas, number };
    });
    this.sums.replaceChildren(...this.tiles.map(({ element }) => element));
    this.reach();
  }

  update(trace, view) {
    const last = trace.network.blocks.length - 1,
      { height, width, kernels } = trace.pooledShape(last),
      { unit } = view;
    const kernel = Math.min(view.kernel, kernels - 1),
      [y, x] = [Math.min(view.y >> 1, height - 1), Math.min(view.x >> 1, width - 1)];
    const products = trace.unitProducts(unit),
      weights = trace.unitWeights(unit),
      sums = trace.unitSums(unit),
      { pooled } = trace.blocks[last];
    this.n = trace.hidden.length;
    const columns = Math.min(UNIT_COLUMNS, this.n);
    this.units.showValues(unitsMap(trace.hidden));
    this.units.mark({ y: Math.floor(unit / columns), x: unit % columns });
    if (this.tiles.length !== kernels) this.makeTiles(kernels);
    const largest = largestOf(products);
    this.tiles.forEach(({ element, canvas, number }, k) => {
      paintValues(canvas, { values: products, height, width, stride: kernels, offset: k, largest });
      number.textContent = formatShort(sums[k]);
      element.title = formatNumber(sums[k], 5);
      element.setAttribute(
        "aria-label",
        this.words("look.hidden.sum", { kernel: k + 1, value: formatNumber(sums[k]) }),
      );
      element.setAttribute("aria-pressed", String(k === kernel));
    });
    const bias = trace.network.weights.b1[unit],
      before = trace.hiddenSums[unit];
    this.equation.textContent = this.words("look.hidden.equation", {
      unit: unit + 1,
      sum: formatNumber(before - bias),
      bias: formatAddend(bias),
      before: formatNumber(before),
      after: formatNumber(trace.hidden[unit]),
    });
    this.title.textContent = this.words("look.hidden.kernel", { kernel: kernel + 1, unit: unit + 1 });
    [pooled, weights, products].forEach((values, i) => {
      this.maps[i].showValues({ values, height, width, stride: kernels, offset: kernel });
      this.maps[i].mark({ y, x });
    });
    const at = (y * width + x) * kernels + kernel,
      factors = [pooled[at], weights[at], products[at]].map((value) => formatNumber(value, 4));
    this.reading.textContent = this.words("look.cell", {
      row: y + 1,
      column: x + 1,
      value: `${factors[0]} × ${factors[1]} = ${factors[2]}`,
    });
  }
}
