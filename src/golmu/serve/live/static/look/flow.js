// The whole network at a glance: the image, each block's kernels with their maps, the hidden units and the classes,
// with lines for what the chosen number is made of.

import { button, draw } from "../controls.js";
import { make } from "../elements.js";
import { formatNumber } from "../numbers.js";
import { rove } from "../roving.js";
import { ValueMap, largestOf, paintPixels, paintValues } from "../value_map.js";
import { ClassRows } from "./class_rows.js";
import { showLinks } from "./links.js";
import { UNIT_COLUMNS, unitsMap } from "./units.js";

const ROWS = 10; // kernels of a block that are shown at a time
const STAGES = ["convolution", "relu", "pooling"];

export class Flow {
  /** @param look What the parts of the tab share: words, choose, say, keys. */
  constructor(look) {
    this.look = look;
    this.links = draw("svg", { class: "flow-links", "aria-hidden": "true" });
    this.tip = make("p", { class: "tip", hidden: "hidden", "aria-hidden": "true" });
    this.groups = make("div", { class: "flow-groups" });
    this.element = make(
      "div",
      { class: "flow", role: "group", "aria-label": look.words("look.flow") },
      this.links,
      this.groups,
      this.tip,
    );
    new ResizeObserver(() => this.link()).observe(this.groups);
  }

  /** Make room for a network of other sizes than the last. */
  build(network) {
    const { words } = this.look;
    this.image = this.tile({ stage: "pixels" }, words("look.stage.pixels"), "flow-image");
    this.blocks = network.blocks.map((block, number) => this.buildBlock(block, number, network.blocks.length));
    this.hidden = new ValueMap({
      label: words("look.units", { n: network.weights.b1.length }),
      keys: this.look.keys,
      pointed: (cell) => cell.byKey && this.look.say(() => this.readUnit(this.unitAt(cell))),
      pressed: (cell) => this.look.choose({ stage: "hidden", unit: this.unitAt(cell) }, true),
    });
    this.hidden.element.addEventListener(
      "pointermove",
      (event) => this.readUnit && this.showTip(event, this.readUnit(this.unitAt(this.hidden.pointing.cell))),
    );
    this.hidden.element.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.classes = new ClassRows(this.look, network.names.length);
    this.element.classList.toggle("many", network.blocks.length > 1);
    this.groups.replaceChildren(
      group(words("look.stage.pixels"), this.image.element),
      ...this.blocks.map(({ element }) => element),
      group(words("look.stage.hidden"), this.hidden.element),
      group(words("look.stage.output"), this.classes.element),
    );
  }

  buildBlock({ kernels }, number, n) {
    const { words } = this.look,
      shown = Math.min(ROWS, kernels),
      title = words("look.block", { number: number + 1 });
    const rows = Array.from({ length: shown }, (_, row) => {
      const tiles = ["kernel", ...STAGES].map((stage) => this.tile({ block: number, row, stage }, "", `flow-${stage}`));
      return {
        kernel: tiles[0],
        convolution: tiles[1],
        relu: tiles[2],
        pooling: tiles[3],
        elements: tiles.map(({ element }) => element),
      };
    });
    const heads = ["kernel", ...STAGES].map((stage) =>
      make("span", { class: "flow-head" }, words(`look.column.${stage}`)),
    );
    const grid = make(
      "div",
      { class: "flow-grid", role: "group", "aria-label": title },
      ...heads,
      ...rows.flatMap(({ elements }) => elements),
    );
    const block = { rows, first: 0, pages: null };
    const turn = (step) => {
      block.first = Math.min(Math.max(block.first + step * ROWS, 0), kernels - shown);
      this.isTurned = true;
      this.look.render();
    };
    rove(grid, 1 + STAGES.length)();
    if (kernels > ROWS) {
      block.pages = make("span", { class: "soft" });
      const move = (step, sign, name) => button(sign, () => turn(step), { "aria-label": words(name) });
      block.pager = make(
        "div",
        { class: "pager" },
        move(-1, "‹", "look.kernels_before"),
        block.pages,
        move(1, "›", "look.kernels_after"),
      );
    }
    block.element = group(n > 1 ? title : words("look.block_only"), grid, ...(block.pager ? [block.pager] : []));
    return block;
  }

  /** Return a button that shows a map; `place` says of what. */
  tile(place, label, name) {
    const canvas = make("canvas"),
      element = make("button", { type: "button", class: `tile ${name}`, "aria-label": label }, canvas),
      made = { element, canvas, place, read: null };
    const cellAt = (event) => {
      const box = canvas.getBoundingClientRect(),
        within = (share, n) => Math.min(Math.max(Math.floor(share * n), 0), n - 1);
      return {
        y: within((event.clientY - box.top) / box.height, canvas.height),
        x: within((event.clientX - box.left) / box.width, canvas.width),
      };
    };
    element.addEventListener("pointermove", (event) => {
      if (made.read) this.showTip(event, made.read(cellAt(event)));
    });
    element.addEventListener("pointerenter", () => this.link(made.changes()));
    element.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
      this.link();
    });
    element.addEventListener("click", (event) => {
      const changes = made.changes();
      if (event.detail > 0 && changes.stage !== "pixels" && place.stage !== "kernel") {
        const { y, x } = cellAt(event),
          scale = place.stage === "pooling" ? 2 : 1; // the place in the maps before pooling
        Object.assign(changes, { y: y * scale, x: x * scale });
      }
      this.look.choose(changes, true);
    });
    made.changes = () => ({ stage: "pixels" });
    return made;
  }

  unitAt({ y, x }) {
    return Math.min(y * UNIT_COLUMNS + x, this.n_units - 1);
  }

  showTip(event, text) {
    const box = this.element.getBoundingClientRect();
    this.tip.textContent = text;
    this.tip.hidden = false;
    const left = Math.min(event.clientX - box.left + 14, box.width - this.tip.offsetWidth);
    Object.assign(this.tip.style, { left: `${Math.max(0, left)}px`, top: `${event.clientY - box.top + 18}px` });
  }

  /** Show what the network makes of an image, and what of it is chosen. */
  update(trace, view) {
    const { words } = this.look,
      { network } = trace,
      { height, width, channels } = network;
    const cell = (y, x, value) => words("look.cell", { row: y + 1, column: x + 1, value });
    paintPixels(this.image.canvas, { pixels: trace.pixels, height, width, channels });
    this.image.read = ({ y, x }) =>
      cell(
        y,
        x,
        Array.from(trace.pixels.subarray((y * width + x) * channels, (y * width + x + 1) * channels)).join(" · "),
      );
    this.image.element.classList.toggle("chosen", view.stage === "pixels");
    this.blocks.forEach((block, number) => this.updateBlock(block, number, trace, view, cell));
    this.updateUnits(trace, view);
    this.classes.update(trace, view);
    Object.assign(this, { view, isTurned: false });
    this.link();
  }

  updateBlock(block, number, trace, view, cell) {
    const { words } = this.look,
      { height, width, channels, kernels, weights } = trace.network.blocks[number],
      shape = trace.pooledShape(number);
    const isHere = number === view.block && STAGES.includes(view.stage);
    if (
      isHere &&
      !(view.kernel >= block.first && view.kernel < block.first + block.rows.length) &&
      block.followed !== view.kernel
    ) {
      block.first = Math.min(Math.floor(view.kernel / ROWS) * ROWS, kernels - block.rows.length);
    }
    block.followed = isHere ? view.kernel : null; // so that one may turn to other kernels than the chosen one
    if (block.pages)
      block.pages.textContent = words("look.kernels_of", {
        first: block.first + 1,
        last: block.first + block.rows.length,
        n: kernels,
      });
    const { sums, maps, pooled } = trace.blocks[number],
      mean = new Float32Array(9 * kernels);
    for (let i = 0; i < weights.length; i++)
      mean[Math.floor(i / (channels * kernels)) * kernels + (i % kernels)] += weights[i] / channels;
    const largest = {
      kernel: largestOf(mean),
      convolution: largestOf(sums),
      relu: largestOf(maps),
      pooling: largestOf(pooled),
    };
    block.rows.forEach((row, at) => {
      const kernel = block.first + at,
        isChosen = isHere && kernel === view.kernel;
      const own = {
        kernel: { values: mean, height: 3, width: 3 },
        convolution: { values: sums, height, width },
        relu: { values: maps, height, width },
        pooling: { values: pooled, height: shape.height, width: shape.width },
      };
      for (const [stage, map] of Object.entries(own)) {
        const tile = row[stage],
          key = stage === "kernel" && channels > 1 ? "kernel_mean" : stage;
        const name = words(`look.read.${key}`, { kernel: kernel + 1, n: channels });
        paintValues(tile.canvas, { ...map, stride: kernels, offset: kernel, largest: largest[stage] });
        tile.read = ({ y, x }) =>
          `${name} · ${cell(y, x, formatNumber(map.values[(y * map.width + x) * kernels + kernel]))}`;
        tile.changes = () => ({ stage: stage === "kernel" ? "convolution" : stage, block: number, kernel });
        tile.element.setAttribute("aria-label", name);
        tile.element.classList.toggle(
          "chosen",
          isChosen && (stage === view.stage || (stage === "kernel" && view.stage === "convolution")),
        );
      }
    });
  }

  updateUnits(trace, view) {
    const { words } = this.look,
      { hidden } = trace,
      columns = Math.min(UNIT_COLUMNS, hidden.length);
    this.n_units = hidden.length;
    this.hidden.showValues(unitsMap(hidden));
    this.readUnit = (unit) => words("look.read.hidden", { unit: unit + 1, value: formatNumber(hidden[unit]) });
    if (view.stage === "hidden") this.hidden.mark({ y: Math.floor(view.unit / columns), x: view.unit % columns });
    else this.hidden.frame.hidden = true;
    this.hidden.element.classList.toggle("chosen", view.stage === "hidden");
  }

  /** Draw the lines along which the chosen number is computed, and those of another one that is pointed at. */
  link(pointed = null) {
    if (!this.view) return;
    const { stage } = this.view,
      lines = [];
    const isOn = (place, number, at, step) =>
      place?.block === number && place.kernel === at && step < 1 + STAGES.indexOf(place.stage);
    const line = (from, to, rank) => lines.push({ from, to, rank });
    const last = this.blocks.length - 1;
    let sources = [this.image.element];
    this.blocks.forEach(({ rows, first }, number) => {
      for (const [at, row] of rows.entries()) {
        const rank = (step) =>
          isOn(this.view, number, first + at, step) ? 2 : isOn(pointed, number, first + at, step) ? 1 : 0;
        for (const source of sources) line(source, row.kernel.element, rank(0));
        const chain = [row.kernel, row.convolution, row.relu, row.pooling];
        chain.slice(1).forEach((tile, i) => line(chain[i].element, tile.element, rank(i)));
        if (number === last) line(row.pooling.element, this.hidden.element, stage === "hidden" ? 2 : 0);
      }
      sources = rows.map(({ pooling }) => pooling.element);
    });
    for (const one of this.classes.rows)
      line(this.hidden.element, one.element, stage === "logits" && one.category === this.view.category ? 2 : 0);
    showLinks(this.links, this.groups, lines);
  }
}

function group(title, ...children) {
  return make("div", { class: "flow-group" }, make("h3", {}, title), ...children);
}
