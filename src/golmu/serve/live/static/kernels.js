// The kernels of the first block as they change, each with the feature map that it makes of the pinned image.

import { channelsOf, make, paintImage, sizeCanvas } from "./elements.js";

const MAP_SIDE = 84; // of a feature map's longer side, in CSS pixels
const PINNED_SIDE = 112;

/** Paint the mean over the channels of kernel k of weights (3, 3, c, K): blue above zero, orange below. */
function paintKernel(canvas, { values, shape }, k, largest) {
  const [, , channels, n] = shape, [above, below, none] = ["--blue", "--orange", "--page"].map(channelsOf), data = new ImageData(3, 3);
  const weights = Array.from({ length: 9 }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += values[(i * channels + c) * n + k];
    return sum / channels;
  });
  weights.forEach((weight, i) => {
    const share = Math.min(1, Math.abs(weight) / largest), colour = weight > 0 ? above : below;
    data.data.set([...colour.map((value, c) => none[c] + share * (value - none[c])), 255], 4 * i);
  });
  canvas.getContext("2d").putImageData(data, 0, 0);
  return weights;
}

/** Paint map k of maps (h, w, K) from 0 to 255. */
function paintMap(canvas, { values, shape }, k) {
  const [height, width, n] = shape;
  const image = new ImageData(width, height), [above, none] = ["--blue", "--page"].map(channelsOf);
  for (let i = 0; i < height * width; i++) {
    const share = values[i * n + k] / 255;
    image.data.set([...above.map((value, c) => none[c] + share * (value - none[c])), 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Start the kernels. */
export function startKernels(app, signal) {
  const grid = make("div", { class: "kernel-grid" }), note = make("p", { class: "soft" }, app.words("kernels.empty"));
  const pinned = make("canvas", { class: "pinned-image", role: "img" }), label = make("p", { class: "soft" });
  const other = make("button", { type: "button", class: "plain" }, app.words("kernels.other"));
  const beside = make("div", { class: "pinned", hidden: "" }, pinned, label, other);
  const element = make(
    "section", { class: "card kernels-card" },
    make("h2", {}, app.words("kernels.title")), make("p", { class: "soft" }, app.words("kernels.help")),
    make("div", { class: "kernels-beside" }, beside, make("div", {}, grid, note)),
  );
  let items = [], weights = [], shape = "", shownImage = null;

  function makeItem(k, [height, width]) {
    const kernel = sizeCanvas(make("canvas", { class: "kernel" }), 3, 3, 44), map = sizeCanvas(make("canvas"), height, width, MAP_SIDE);
    const item = make("button", { type: "button", class: "kernel-item" }, kernel, map);
    const words = app.words("kernels.open", { kernel: k + 1 });
    item.setAttribute("aria-label", words);
    item.addEventListener("pointerenter", () => (item.title = `${words}\n${weights[k].map((one) => app.number(one, 2)).join("  ")}`));
    item.addEventListener("click", () => app.open("look", { which: "excite", block: 0, kernel: k }));
    grid.append(item);
    return { kernel, map };
  }

  function show(frame) {
    const { kernels, maps } = frame.arrays;
    if (!kernels || !maps) return;
    const n = Math.min(kernels.shape[3], maps.shape[2]), next = [n, ...maps.shape].join();
    if (next !== shape) {
      grid.replaceChildren();
      items = Array.from({ length: n }, (_, k) => makeItem(k, maps.shape));
      shape = next;
    }
    const largest = kernels.values.reduce((high, value) => Math.max(high, Math.abs(value)), 0) || 1;
    weights = items.map(({ kernel, map }, k) => {
      paintMap(map, maps, k);
      return paintKernel(kernel, kernels, k, largest);
    });
    const all = [app.runs.find(frame.run).settings.n_kernels ?? n].flat()[0];
    note.textContent = all > n ? app.words("kernels.first", { shown: n, n: all }) : "";
    beside.hidden = false;
    if (`${frame.run} ${frame.pinned}` !== shownImage) showPinned(frame);
  }

  /** Show the pinned image itself. */
  async function showPinned({ run, pinned: index }) {
    shownImage = `${run} ${index}`;
    try {
      const { label: name, arrays } = await app.socket.ask({ do: "image", index });
      const [height, width, channels] = arrays.pixels.shape;
      paintImage(sizeCanvas(pinned, height, width, PINNED_SIDE), { pixels: arrays.pixels.values, height, width, channels });
      label.textContent = app.words("kernels.pinned", { label: nameOf(name) });
      pinned.setAttribute("aria-label", label.textContent);
    } catch {
      shownImage = null; // the next frame asks again
    }
  }

  const nameOf = (name) => (typeof name === "number" ? app.classNames[name] : name);

  other.addEventListener("click", async () => {
    try {
      const { items: found } = await app.socket.ask({ do: "images", which: "random", n: 1, seed: Math.floor(Math.random() * 2 ** 31) });
      app.socket.send({ do: "pin", index: found[0].index });
    } catch ({ message }) {
      app.emit("refused", message);
    }
  });

  let last = app.lastFrame;
  const showLast = () => last && show(last);
  app.addEventListener("frame", ({ detail }) => {
    last = detail;
    if (app.tab === "train") show(detail);
  }, { signal });
  app.addEventListener("theme", showLast, { signal });
  showLast();
  return { element, show: showLast };
}
