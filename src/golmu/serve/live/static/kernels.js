// The kernels of the first block as they change, each with the feature map that it makes of the pinned image.

import { channelsOf, make, paintImage, sizeCanvas } from "./elements.js";

const MAP_SIDE = 84; // of a feature map's longer side, in CSS pixels
const PINNED_SIDE = 112;
const MOST_UNFOLDED = 16; // kernels
const FOLDED = 12; // kernels that are shown of more, until all are asked for

/** Return the nine means over the channels of kernel k of weights (3, 3, c, K). */
function meanWeights({ values, shape: [, , channels, n] }, k) {
  return Array.from({ length: 9 }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += values[(i * channels + c) * n + k];
    return sum / channels;
  });
}

/** Paint the mean over the channels of kernel k: blue above zero, orange below. */
function paintKernel(canvas, kernels, k, largest) {
  const [above, below, none] = ["--blue", "--orange", "--page"].map(channelsOf), data = new ImageData(3, 3);
  meanWeights(kernels, k).forEach((weight, i) => {
    const share = Math.min(1, Math.abs(weight) / largest), colour = weight > 0 ? above : below;
    data.data.set([...colour.map((value, c) => none[c] + share * (value - none[c])), 255], 4 * i);
  });
  canvas.getContext("2d").putImageData(data, 0, 0);
}

/** Paint map k of maps (h, w, K) from 0 to 255. */
function paintMap(canvas, { values, shape }, k) {
  const [height, width, n] = shape, image = new ImageData(width, height), { data } = image;
  const [above, none] = ["--blue", "--page"].map(channelsOf);
  for (let i = 0, from = k; i < data.length; i += 4, from += n) {
    const share = values[from] / 255;
    for (let c = 0; c < 3; c++) data[i + c] = none[c] + share * (above[c] - none[c]);
    data[i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Start the kernels. */
export function startKernels(app, signal) {
  const grid = make("div", { class: "kernel-grid" }), note = make("p", { class: "soft" }, app.words("kernels.empty"));
  const pinned = make("canvas", { class: "pinned-image", role: "img" }), label = make("p", { class: "soft" });
  const other = make("button", { type: "button", class: "plain" }, app.words("kernels.other"));
  const more = make("button", { type: "button", class: "plain more-kernels", hidden: "" });
  const beside = make("div", { class: "pinned", hidden: "" }, pinned, label, other);
  const element = make(
    "section", { class: "card kernels-card" },
    make("h2", {}, app.words("kernels.title")), make("p", { class: "soft" }, app.words("kernels.help")),
    make("div", { class: "kernels-beside" }, beside, make("div", {}, grid, more, note)),
  );
  const kept = (app.kept.kernels ??= { isUnfolded: false });
  let items = [], shape = "", shownImage = null, shownKernels = null;

  function makeItem(k, [height, width]) {
    const kernel = sizeCanvas(make("canvas", { class: "kernel" }), 3, 3, 44), map = sizeCanvas(make("canvas"), height, width, MAP_SIDE);
    const item = make("button", { type: "button", class: "kernel-item" }, kernel, map);
    item.setAttribute("aria-label", app.words("kernels.open", { kernel: k + 1 }));
    item.addEventListener("click", () => app.open("look", { which: "excite", block: 0, kernel: k }));
    item.addEventListener("pointerenter", () => (item.title = describe(k)));
    grid.append(item);
    return { kernel, map };
  }

  /** Return a kernel's number and its weights of this moment, in words. */
  function describe(k) {
    const weights = meanWeights(shownKernels, k);
    return `${app.words("kernels.open", { kernel: k + 1 })}\n${weights.map((weight) => app.number(weight, 2)).join("  ")}`;
  }

  function show(frame) {
    const { kernels, maps } = frame.arrays;
    if (!kernels || !maps) return;
    const n = Math.min(kernels.shape[3], maps.shape[2]), shown = n <= MOST_UNFOLDED || kept.isUnfolded ? n : FOLDED;
    const next = [shown, ...maps.shape].join();
    if (next !== shape) {
      grid.replaceChildren();
      items = Array.from({ length: shown }, (_, k) => makeItem(k, maps.shape));
      more.hidden = n <= MOST_UNFOLDED;
      more.textContent = shown < n ? app.words("kernels.more", { n }) : app.words("kernels.fewer", { n: FOLDED });
      more.setAttribute("aria-expanded", String(shown === n));
      shape = next;
      sizeCanvas(pinned, ...maps.shape.slice(0, 2), PINNED_SIDE); // the image comes a moment later
      shownImage = null;
    }
    shownKernels = kernels;
    const largest = kernels.values.reduce((high, value) => Math.max(high, Math.abs(value)), 0) || 1;
    items.forEach(({ kernel, map }, k) => {
      paintKernel(kernel, kernels, k, largest);
      paintMap(map, maps, k);
    });
    const all = [app.runs.find(frame.run).settings.n_kernels ?? n].flat()[0];
    note.textContent = all > n ? app.words("kernels.first", { shown: n, n: all }) : "";
    beside.hidden = false;
    if (`${frame.run} ${frame.pinned}` !== shownImage) showPinned(frame);
  }

  /** Show the pinned image itself. */
  async function showPinned({ run, pinned: index }) {
    const asked = (shownImage = `${run} ${index}`);
    try {
      const { label: name, arrays } = await app.socket.ask({ do: "image", index });
      if (shownImage !== asked) return;
      const [height, width, channels] = arrays.pixels.shape;
      paintImage(sizeCanvas(pinned, height, width, PINNED_SIDE), { pixels: arrays.pixels.values, height, width, channels });
      label.textContent = app.words("kernels.pinned", { label: nameOf(name) });
      pinned.setAttribute("aria-label", label.textContent);
    } catch {
      if (shownImage === asked) shownImage = null; // the next frame asks again
    }
  }

  const nameOf = (name) => (typeof name === "number" ? app.classNames[name] : name);

  other.addEventListener("click", async () => {
    try {
      const { items } = await app.socket.ask({ do: "images", which: "random", n: 2, seed: Math.floor(Math.random() * 2 ** 31) });
      const found = items.find(({ index }) => index !== last?.pinned);
      if (found) app.socket.send({ do: "pin", index: found.index });
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
  more.addEventListener("click", () => {
    kept.isUnfolded = !kept.isUnfolded;
    showLast();
  });
  app.addEventListener("theme", showLast, { signal });
  showLast();
  return { element, show: showLast };
}
