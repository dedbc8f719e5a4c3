// The stages of ReLU and of pooling: a map before and after, and the number under the pointer in both.

import { make } from "../elements.js";
import { NumberGrid } from "../number_grid.js";
import { formatNumber } from "../numbers.js";
import { ValueMap, largestOf } from "../value_map.js";

class BeforeAfterPanel {
  constructor(look, stage, pointAfter) {
    const { words, keys, hold } = look,
      say = () => this.equation.textContent;
    Object.assign(this, { look, words });
    this.before = new ValueMap({
      label: words(`look.${stage}.before`),
      keys,
      hold,
      pointed: (cell) => look.point(cell, say),
    });
    this.after = new ValueMap({
      label: words(`look.${stage}.after`),
      keys,
      hold,
      pointed: (cell) => look.point(pointAfter(cell), say),
    });
    this.equation = make("p", { class: "equation" });
    this.middle = make("div", { class: "stage-numbers" });
    const figure = (name, map) =>
      make("figure", { class: "stage-map" }, make("figcaption", {}, words(`look.${stage}.${name}`)), map.element);
    this.element = make(
      "div",
      {},
      make("p", {}, words(`look.${stage}.text`)),
      make("div", { class: "stage-pair" }, figure("before", this.before), this.middle, figure("after", this.after)),
    );
    this.middle.append(this.equation);
  }
}

export class ReluPanel extends BeforeAfterPanel {
  constructor(look) {
    super(look, "relu", (cell) => cell);
  }

  update(trace, { block, kernel, y, x }) {
    const { height, width, kernels } = trace.network.blocks[block],
      { sums, maps } = trace.blocks[block];
    const largest = largestOf(sums, kernels, kernel),
      place = (y * width + x) * kernels + kernel;
    this.before.showValues({ values: sums, height, width, stride: kernels, offset: kernel, largest });
    this.after.showValues({ values: maps, height, width, stride: kernels, offset: kernel, largest });
    for (const map of [this.before, this.after]) map.mark({ y, x });
    const value = `max(0, ${formatNumber(sums[place])}) = ${formatNumber(maps[place])}`;
    this.equation.textContent = this.words("look.cell", { row: y + 1, column: x + 1, value });
  }
}

export class PoolingPanel extends BeforeAfterPanel {
  constructor(look) {
    super(look, "pooling", (cell) => ({ ...cell, y: 2 * cell.y, x: 2 * cell.x }));
    this.grid = new NumberGrid({ rows: 2, columns: 2, label: this.words("look.pooling.window") });
    this.note = make("p", { class: "soft" });
    this.middle.replaceChildren(
      make("figure", {}, make("figcaption", {}, this.words("look.pooling.window")), this.grid.element),
      this.equation,
      this.note,
    );
  }

  update(trace, { block, kernel, y, x }) {
    const { height, width, kernels } = trace.network.blocks[block],
      { maps, pooled } = trace.blocks[block],
      small = trace.pooledShape(block);
    const [row, column] = [Math.min(y >> 1, small.height - 1), Math.min(x >> 1, small.width - 1)];
    const { values, chosen } = trace.poolingAt(block, kernel, row, column),
      largest = largestOf(maps, kernels, kernel);
    const [top, left] = [2 * row, 2 * column],
      winner = { y: top + (chosen >> 1), x: left + (chosen & 1) };
    this.before.showValues({ values: maps, height, width, stride: kernels, offset: kernel, largest });
    this.after.showValues({
      values: pooled,
      height: small.height,
      width: small.width,
      stride: kernels,
      offset: kernel,
      largest,
    });
    this.before.mark({ y: top, x: left, height: 2, width: 2, dot: winner, cell: { y, x } });
    this.after.mark({ y: row, x: column });
    this.grid.show(values, {
      format: (value) => formatNumber(value),
      largest,
      classes: values.map((_, i) => (i === chosen ? "winner" : "")),
    });
    const value = `max(${values.map((one) => formatNumber(one, 2)).join(", ")}) = ${formatNumber(values[chosen])}`;
    this.equation.textContent = this.words("look.cell", { row: row + 1, column: column + 1, value });
    this.note.textContent = this.words("look.pooling.position", { row: winner.y + 1, column: winner.x + 1 });
  }
}
