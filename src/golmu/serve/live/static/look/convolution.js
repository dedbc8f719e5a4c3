// The stage of a convolution: the kernel over a window of what it reads, the products, and their sum in the map.

import { button } from "../controls.js";
import { make } from "../elements.js";
import { NumberGrid } from "../number_grid.js";
import { formatAddend, formatNumber } from "../numbers.js";
import { refusalInWords } from "../refusals.js";
import { ValueMap, largestOf } from "../value_map.js";
import { Thumbs } from "./thumbs.js";

const MOST_CHANNELS = 3; // whose products are all shown; of more, those of one channel
const MOST_EXCITED = 12;
const QUIET_MS = 300; // after which the server is asked what excites the chosen kernel

export class ConvolutionPanel {
  constructor(look) {
    const { words, keys, hold } = look,
      pointed = (cell) => this.point(cell);
    Object.assign(this, { look, words, rows: [], timer: null, turn: 0, asked: null, sliding: null });
    this.input = new ValueMap({ label: words("look.convolution.input"), keys, hold, pointed });
    this.output = new ValueMap({ label: words("look.convolution.output"), keys, hold, pointed });
    this.channels = new ValueMap({
      label: words("look.convolution.channels"),
      keys,
      pointed: ({ x }) => look.choose({ channel: x }),
    });
    this.strip = make("figure", { class: "strip" }, make("figcaption", {}), this.channels.element);
    this.products = make("div", { class: "products" });
    this.equation = make("p", { class: "equation" });
    this.slider = button(words("look.convolution.slide"), () => (this.sliding === null ? this.slide() : this.stop()));
    this.slider.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
    look.signal.addEventListener("abort", () => this.hide());
    this.excited = new Thumbs({
      words,
      label: words("look.excite"),
      opened: (item) => look.open(item, { y: item.row, x: item.column }),
    });
    this.excitedTitle = make("h4");
    this.element = make(
      "div",
      {},
      make("p", {}, words("look.convolution.text")),
      make(
        "div",
        { class: "stage-convolution" },
        make(
          "figure",
          { class: "stage-map" },
          make("figcaption", {}, words("look.convolution.input")),
          this.input.element,
        ),
        make("div", { class: "stage-numbers" }, this.strip, this.products, this.equation),
        make(
          "figure",
          { class: "stage-map" },
          make("figcaption", {}, words("look.convolution.output")),
          this.output.element,
        ),
      ),
      make("div", { class: "controls" }, this.slider),
      this.excitedTitle,
      this.excited.element,
    );
  }

  point(cell) {
    this.stop();
    this.look.point(cell, () => this.equation.textContent);
  }

  /** Let the window slide over all places, so that the map fills. */
  slide() {
    const { height, width } = this.shape;
    let place = 0;
    const next = () => {
      if (place >= height * width) return this.stop();
      this.sliding = requestAnimationFrame(next);
      this.look.choose({ y: Math.floor(place / width), x: place % width });
      place++;
    };
    this.slider.textContent = this.words("look.convolution.stop");
    next();
  }

  stop() {
    if (this.sliding === null) return;
    cancelAnimationFrame(this.sliding);
    this.sliding = null;
    this.slider.textContent = this.words("look.convolution.slide");
    this.look.render();
  }

  hide() {
    clearTimeout(this.timer);
    this.asked = null;
    this.stop();
  }

  update(trace, view) {
    const { block, kernel, y, x } = view,
      { height, width, channels, kernels } = trace.network.blocks[block];
    const at = trace.convolutionAt(block, kernel, y, x),
      read = trace.inputOf(block),
      isMany = channels > MOST_CHANNELS;
    const channel = Math.min(view.channel, channels - 1);
    this.shape = { height, width };
    if (block === 0 && !isMany) this.input.showPixels({ pixels: trace.pixels, height, width, channels });
    else this.input.showValues({ values: read.values, height, width, stride: channels, offset: channel });
    this.input.mark({ y: y - 1, x: x - 1, height: 3, width: 3, cell: { y, x } });
    const { sums } = trace.blocks[block],
      done = this.sliding === null ? sums : sums.slice(0, (y * width + x + 1) * kernels);
    this.output.showValues({
      values: done,
      height,
      width,
      stride: kernels,
      offset: kernel,
      largest: largestOf(sums, kernels, kernel),
    });
    this.output.mark({ y, x });
    this.strip.hidden = !isMany;
    if (isMany) {
      this.channels.showValues({
        values: Float64Array.from(at.channels, (one) => one.sum),
        height: 1,
        width: channels,
      });
      this.channels.mark({ y: 0, x: channel });
      this.strip.firstChild.textContent = this.words("look.convolution.channel", {
        channel: channel + 1,
        n: channels,
        sum: formatNumber(at.channels[channel].sum),
      });
    }
    this.showProducts(
      isMany ? [at.channels[channel]] : at.channels,
      isMany ? [""] : this.channelNames(block, channels),
    );
    const sumsOfChannels = isMany
      ? [at.channels.reduce((sum, one) => sum + one.sum, 0)]
      : at.channels.map((one) => one.sum);
    const terms = sumsOfChannels.map((sum, i) => (i ? formatAddend(sum) : formatNumber(sum))).join(" ");
    const sum = this.words("look.convolution.equation", {
      terms,
      bias: formatAddend(at.bias),
      sum: formatNumber(at.sum),
    });
    this.equation.textContent = this.words("look.cell", { row: y + 1, column: x + 1, value: sum });
    this.excitedTitle.textContent = this.words("look.excite_title", { kernel: kernel + 1 });
    if (this.sliding === null) this.askForExcited(block, kernel, trace.network);
    this.excited.mark(this.look.index);
  }

  channelNames(block, channels) {
    if (channels === 1) return [""];
    return Array.from({ length: channels }, (_, i) =>
      this.words(block === 0 && channels === 3 ? `look.colour_${i + 1}` : "look.channel", { channel: i + 1 }),
    );
  }

  showProducts(channels, names) {
    while (this.rows.length < channels.length) {
      const grids = ["window", "kernel", "products"].map(
        (name) => new NumberGrid({ rows: 3, columns: 3, label: this.words(`look.convolution.${name}`) }),
      );
      const row = { name: make("span", { class: "soft" }), sum: make("b", { class: "number" }), grids };
      const [window, weights, products] = grids.map(({ element }, i) =>
        make(
          "figure",
          {},
          make("figcaption", {}, this.words(`look.convolution.${["window", "kernel", "products"][i]}`)),
          element,
        ),
      );
      row.element = make(
        "div",
        { class: "product-row" },
        row.name,
        window,
        make("span", { class: "sign" }, "×"),
        weights,
        make("span", { class: "sign" }, "="),
        products,
        make("span", { class: "sum" }, "Σ ", row.sum),
      );
      this.rows.push(row);
      this.products.append(row.element);
    }
    const largest = (name) => largestOf(channels.flatMap((one) => one[name]));
    const most = { window: largest("window"), weights: largest("weights"), products: largest("products") };
    this.rows.forEach(({ element, grids, name, sum }, i) => {
      element.hidden = i >= channels.length;
      if (element.hidden) return;
      const one = channels[i],
        classes = one.isInside.map((isInside) => (isInside ? "" : "faint"));
      name.textContent = names[i];
      name.hidden = !names[i];
      ["window", "weights", "products"].forEach((kind, g) =>
        grids[g].show(one[kind], { largest: most[kind], classes: kind === "weights" ? [] : classes }),
      );
      sum.textContent = formatNumber(one.sum);
    });
  }

  /** Ask which images excite a kernel most when it is chosen, and again when a training has changed it and rests. */
  askForExcited(block, kernel, network) {
    const isOther = this.asked?.block !== block || this.asked.kernel !== kernel;
    if (!isOther && (this.asked.network === network || this.look.app.pace.isTraining)) return;
    this.asked = { block, kernel, network };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showExcited(block, kernel, network.names), QUIET_MS);
  }

  async showExcited(block, kernel, names) {
    const turn = ++this.turn;
    try {
      const answer = await this.look.app.socket.ask({ do: "images", which: "excite", block, kernel, n: MOST_EXCITED });
      if (turn !== this.turn) return;
      this.excited.show(answer.items, answer.arrays.pixels, names);
      this.excited.mark(this.look.index);
    } catch (error) {
      if (turn === this.turn) this.excited.say(refusalInWords(this.look.app, error.message));
    }
  }
}
