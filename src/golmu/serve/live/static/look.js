// The tab "Look": an image passes through the network of the moment, and every number on its way can be read.

import { choice } from "./controls.js";
import { make } from "./elements.js";
import { PoolingPanel, ReluPanel } from "./look/before_after.js";
import { ConvolutionPanel } from "./look/convolution.js";
import { Flow } from "./look/flow.js";
import { HiddenPanel } from "./look/hidden.js";
import { ImagesList } from "./look/images_list.js";
import { LogitsPanel, SoftmaxPanel } from "./look/output.js";
import { PixelsPanel } from "./look/pixels.js";
import { formatPercent } from "./numbers.js";
import { Hold } from "./pointing.js";
import { Trace } from "./trace.js";

const PANELS = {
  pixels: PixelsPanel,
  convolution: ConvolutionPanel,
  relu: ReluPanel,
  pooling: PoolingPanel,
  hidden: HiddenPanel,
  logits: LogitsPanel,
  softmax: SoftmaxPanel,
};
const OF_A_BLOCK = ["convolution", "relu", "pooling"];
const QUIET_MS = 350; // after which a screen reader is told the number that was moved to, and the address follows
const KEPT = ["stage", "block", "kernel", "unit"]; // in the address

let lastImage = null; // stays when the tab is made again in another language

/** What the parts of the tab share: the image with its trace, what of it is chosen, and the words. */
class Look {
  constructor(root, app, signal) {
    Object.assign(this, {
      app,
      signal,
      keys: "look-keys",
      hold: new Hold(),
      isInView: false,
      image: null,
      trace: null,
      sizes: "",
      panel: null,
      timer: null,
      keeping: null,
    });
    this.words = (key, values) => app.words(key, values);
    this.view = { ...this.readAddress(), y: null, x: null, category: null, channel: 0 };
    this.list = new ImagesList(this);
    this.flow = new Flow(this);
    this.panels = Object.fromEntries(Object.entries(PANELS).map(([name, Panel]) => [name, new Panel(this)]));
    this.build(root);
    app.addEventListener("network", () => this.isInView && this.follow(), { signal });
    app.addEventListener("theme", () => this.render(), { signal });
    app.address.addEventListener("change", () => this.choose(this.readAddress()), { signal });
    signal.addEventListener("abort", () => {
      clearTimeout(this.timer);
      if (this.keeping !== null) this.keep(); // the tab is made again from the address
    });
  }

  /** Return what the address says of the stage, the block, the kernel and the unit. */
  readAddress() {
    const { address } = this.app,
      number = (name) => Math.max(0, Math.trunc(Number(address.get(name, 0))) || 0);
    const stage = address.get("stage");
    return {
      stage: Object.hasOwn(PANELS, stage) ? stage : "convolution",
      block: number("block"),
      kernel: number("kernel"),
      unit: number("unit"),
    };
  }

  build(root) {
    const { words } = this;
    this.missing = make("p", { class: "card" }, words("look.no_network"));
    this.answer = make("p", { class: "look-answer" });
    this.stages = choice({
      label: words("look.stages"),
      options: Object.keys(PANELS).map((name) => [name, words(`look.stage.${name}`)]),
      value: this.view.stage,
      changed: (stage) => this.choose({ stage }),
    });
    this.fields = Object.fromEntries(["block", "kernel", "unit"].map((name) => [name, this.makeField(name)]));
    this.place = make("div", { class: "panel-place" });
    const fields = make("div", { class: "controls" }, ...Object.values(this.fields).map(({ element }) => element));
    this.panelCard = make(
      "section",
      { class: "card panel", "aria-label": words("look.stages") },
      this.stages.element,
      fields,
      this.place,
      make("p", { class: "soft", id: this.keys }, words("look.keys")),
    );
    this.flowCard = make(
      "section",
      { class: "card" },
      make("h2", {}, words("look.flow")),
      this.answer,
      this.flow.element,
    );
    this.content = make(
      "div",
      {},
      make("section", { class: "card" }, make("h2", {}, words("look.images.title")), this.list.element),
      this.flowCard,
      this.panelCard,
    );
    root.append(this.missing, this.content);
    this.content.hidden = true;
  }

  /** Return a field for the number of a block, a kernel or a unit, which people count from 1. */
  makeField(name) {
    const input = make("input", { type: "number", min: 1, step: 1 }),
      of = make("span", { class: "soft" });
    input.addEventListener("change", () =>
      this.choose({ [name]: Math.max(0, Math.round(Number(input.value)) - 1 || 0) }),
    );
    return { element: make("label", { class: "field" }, `${this.words(`look.field.${name}`)} `, input, of), input, of };
  }

  /** Come into view, perhaps because another tab asks for an image or a kernel. */
  show(request) {
    this.isInView = true;
    if (request?.pixels)
      lastImage = { pixels: Uint8ClampedArray.from(request.pixels), index: null, label: null, title: request.title };
    if (request?.which === "excite")
      Object.assign(this.view, { stage: "convolution", block: request.block, kernel: request.kernel });
    this.request = request?.which === "cell" ? request : null;
    if (request?.pixels) this.image = lastImage;
    this.follow();
  }

  hide() {
    if (this.keeping !== null) this.keep();
    this.isInView = false;
    for (const panel of Object.values(this.panels)) panel.hide?.();
  }

  /** Take over the network of the moment, and the image that fits it. */
  follow() {
    const { network } = this.app;
    const { reason } = this.app.feed;
    this.missing.hidden = network !== null;
    this.missing.textContent = this.words(reason === "none" ? "look.no_network" : `try.no_network.${reason}`);
    this.content.hidden = network === null;
    if (network === null) return;
    const { height, width, channels, blocks, names, weights } = network;
    const sizes = JSON.stringify([
      height,
      width,
      channels,
      blocks.map(({ kernels }) => kernels),
      weights.b1.length,
      names,
    ]);
    const isOther = sizes !== this.sizes;
    if (isOther) {
      this.sizes = sizes;
      this.flow.build(network);
      this.list.setNames(names);
      const isFit = lastImage?.pixels.length === height * width * channels; // else it is of another data set
      this.image = isFit ? lastImage : null;
    }
    if (this.request) this.list.choose(this.request);
    else if (isOther || this.list.hasFailed) this.find();
    this.request = null;
    this.list.thumbs.judge(network, this.app.pace);
    this.retrace();
  }

  /** Find an image to begin with: what was shown last, that of the address, or the first of the list. */
  async find() {
    const { address, socket } = this.app,
      { sizes } = this,
      index = address.get("image");
    this.list.ask();
    if (this.image || index === null) return;
    const isStillWanted = () => !this.image && sizes === this.sizes && address.get("image") === index;
    try {
      const { label, arrays } = await socket.ask({ do: "image", index: Number(index) });
      if (isStillWanted()) this.open({ index: Number(index), label, image: { pixels: arrays.pixels.values } });
    } catch {
      if (!socket.isOpen || !isStillWanted()) return;
      address.set({ image: null }); // of other images than these: the list has some
      this.list.ask();
    }
  }

  /** Take the first of new images, unless one is there that nobody has asked to leave. */
  offer(isAsked) {
    if (isAsked || (!this.image && this.app.address.get("image") === null)) this.list.thumbs.buttons[0]?.button.click();
    else this.list.thumbs.mark(this.index);
  }

  get index() {
    return this.image?.index ?? null;
  }

  /** Let an image pass through the network; `changes` are for what is chosen. */
  open({ index, label, image }, changes = {}) {
    this.image = lastImage = { pixels: image.pixels, index, label };
    this.app.address.set({ image: index });
    Object.assign(this.view, { category: null }, changes);
    this.list.thumbs.mark(index);
    this.retrace();
  }

  retrace() {
    const {
        image,
        app: { network },
      } = this,
      isFit = image?.pixels.length === network.height * network.width * network.channels;
    this.trace = isFit ? new Trace(network, image.pixels) : null;
    for (const card of [this.flowCard, this.panelCard]) card.hidden = !isFit;
    this.render();
  }

  /** Choose a stage, a kernel, a place or the like; `isFar` if that was done far from the panel that shows it. */
  choose(changes, isFar = false) {
    Object.assign(this.view, changes);
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.keep(), QUIET_MS);
    this.render();
    if (isFar) this.panelCard.scrollIntoView({ block: "nearest" });
  }

  /** Put into the address what is chosen, once it rests: browsers count how often a page does so. */
  keep() {
    clearTimeout(this.keeping);
    this.keeping = null;
    if (this.isInView) this.app.address.set(Object.fromEntries(KEPT.map((name) => [name, this.view[name] || null])));
  }

  /** Choose the place of a number; who uses the keyboard hears it. */
  point({ y, x, byKey }, text) {
    this.choose({ y, x });
    if (byKey) this.say(text);
  }

  /** Tell a screen reader what a function returns, once no key has been pressed for a while. */
  say(text) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.app.announce(text()), QUIET_MS);
  }

  /** Bring what is chosen within what the network has. */
  limit() {
    const { view, trace } = this,
      { network, hidden, predicted } = trace,
      within = (value, n) => Math.min(Math.max(value, 0), n - 1);
    view.block = within(view.block, network.blocks.length);
    const { height, width, kernels } = network.blocks[view.stage === "pixels" ? 0 : view.block];
    view.kernel = within(view.kernel, view.stage === "hidden" ? network.blocks.at(-1).kernels : kernels);
    view.y = within(view.y ?? height >> 1, height);
    view.x = within(view.x ?? width >> 1, width);
    view.unit = within(view.unit, hidden.length);
    view.category = view.category === null ? null : within(view.category, network.names.length);
    return { ...view, category: view.category ?? predicted };
  }

  render() {
    if (!this.trace || !this.isInView) return;
    const { trace, words } = this,
      { network, predicted, probabilities } = trace,
      view = this.limit(),
      { names } = network;
    const flowOf = JSON.stringify([
      view.stage,
      view.block,
      view.kernel,
      view.unit,
      view.category,
      document.documentElement.dataset.theme,
    ]);
    if (this.flowTrace !== trace || this.flowOf !== flowOf || this.flow.isTurned) this.flow.update(trace, view);
    Object.assign(this, { flowTrace: trace, flowOf });
    const { label, title } = this.image,
      values = {
        label: names[label],
        predicted: names[predicted],
        probability: formatPercent(probabilities[predicted]),
      };
    this.answer.textContent =
      label === null
        ? words("look.answer.own", { ...values, title })
        : words(label === predicted ? "look.answer.right" : "look.answer.wrong", values);
    this.answer.classList.toggle("unknown", label === null);
    this.answer.classList.toggle("wrong", label !== null && label !== predicted);
    this.stages.set(view.stage);
    const numbers = {
      block: network.blocks.length,
      kernel: network.blocks[view.stage === "hidden" ? network.blocks.length - 1 : view.block].kernels,
      unit: trace.hidden.length,
    };
    const isNeeded = {
      block: OF_A_BLOCK.includes(view.stage) && numbers.block > 1,
      kernel: OF_A_BLOCK.includes(view.stage),
      unit: view.stage === "hidden",
    };
    for (const [name, { element, input, of }] of Object.entries(this.fields)) {
      element.hidden = !isNeeded[name];
      input.max = numbers[name];
      if (document.activeElement !== input || Number(input.value) !== view[name] + 1) input.value = view[name] + 1;
      of.textContent = words("look.field.of", { n: numbers[name] });
    }
    const panel = this.panels[view.stage];
    if (panel !== this.panel) {
      this.panel?.hide?.();
      this.place.replaceChildren(panel.element);
      this.panel = panel;
    }
    panel.update(trace, view);
  }
}

/** Build the tab in `root`. */
export function start(root, app, signal) {
  const look = new Look(root, app, signal);
  return { show: (request) => look.show(request), hide: () => look.hide() };
}
