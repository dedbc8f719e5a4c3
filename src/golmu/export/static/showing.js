// What pages show of images and answers: canvases, bars of probabilities, feature maps.

const MOST_BARS = 10; // of more classes than this, the most probable ones are shown
const MOST_MAPS = 32; // of a block
const MAP_SIDE = 56; // in CSS pixels
const QUIET_MS = 700; // without a change, after which a screen reader is told what is new

/** Return an element with these attributes and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Size a canvas for images of (height, width), with a longer side of `longer` on the page. */
export function sizeCanvas(canvas, height, width, longer) {
  [canvas.height, canvas.width] = [height, width];
  canvas.style.width = `${Math.max(1, (longer * width) / Math.max(height, width))}px`;
  canvas.style.imageRendering = Math.max(height, width) < 2 * longer ? "pixelated" : "auto";
  return canvas;
}

/** Paint an image on a canvas of its size: grey, RGB, or the mean of other channels. */
export function paintImage(canvas, { pixels, height, width, channels }) {
  const data = new ImageData(width, height);
  for (let from = 0, at = 0; at < data.data.length; from += channels, at += 4) {
    const values = pixels.subarray(from, from + channels);
    const grey = values.reduce((sum, value) => sum + value, 0) / channels;
    data.data.set(channels === 3 ? values : [grey, grey, grey], at);
    data.data[at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
}

/** Return a function that shows probabilities as bars: of all classes in their order, or of the most probable ones. */
export function makeBars(list, names) {
  const rows = names.slice(0, MOST_BARS).map(() => {
    const [name, bar, number] = [make("span", { class: "try-name" }), make("i"), make("span", { class: "try-number" })];
    const item = make("li", {}, name, make("span", { class: "try-track", "aria-hidden": "true" }, bar), number);
    list.append(item);
    return { item, name, bar, number };
  });
  return (probabilities) => {
    let shown = names.map((_, i) => i);
    if (names.length > MOST_BARS) shown = shown.sort((a, b) => probabilities[b] - probabilities[a]).slice(0, MOST_BARS);
    const largest = Math.max(...shown.map((i) => probabilities[i]));
    rows.forEach(({ item, name, bar, number }, row) => {
      const probability = probabilities[shown[row]];
      name.textContent = name.title = names[shown[row]];
      bar.style.width = `${100 * probability}%`;
      number.textContent = percent(probability);
      item.classList.toggle("try-best", probability > 0 && probability === largest);
    });
  };
}

/** Name a block's feature maps: the first `shown` of them. */
function describeMaps({ height, width, kernels }, number, blocks, shown) {
  const title = `${blocks > 1 ? `Block ${number}: ` : ""}${kernels} feature ${kernels === 1 ? "map" : "maps"} of ${height}×${width}`;
  return `${title}${kernels > shown ? `, the first ${shown}` : ""}, after ReLU: the darker, the larger`;
}

/** Return a function that shows the feature maps of each block, darker where they are larger; without any, nothing. */
export function makeMaps(place, blocks, describe = describeMaps) {
  const canvases = blocks.map((block, i) => {
    const { height, width, kernels } = block, n = Math.min(kernels, MOST_MAPS);
    const shown = Array.from({ length: n }, () => sizeCanvas(make("canvas"), height, width, MAP_SIDE));
    const title = describe(block, i + 1, blocks.length, n);
    place.append(make("figure", {}, make("figcaption", {}, title), make("div", { class: "try-row", role: "img", "aria-label": title }, ...shown)));
    return shown;
  });
  return (maps) => {
    const [red, green, blue] = getComputedStyle(place).color.match(/[\d.]+/g).map(Number);
    canvases.forEach((shown, b) => {
      const { height, width, kernels } = blocks[b], values = maps?.[b];
      const largest = values?.reduce((a, value) => Math.max(a, value), 0) || 1;
      shown.forEach((canvas, k) => {
        const data = new ImageData(width, height);
        for (let i = 0; i < height * width; i++) {
          data.data.set([red, green, blue, values ? (255 * values[i * kernels + k]) / largest : 0], 4 * i);
        }
        canvas.getContext("2d").putImageData(data, 0, 0);
      });
    });
  };
}

/**
 * Return a function that tells a screen reader something once nothing has changed for a while: `announce` is called with
 * the newest words `of` each kind, since those of the pen and of the answer come in any order.
 */
export function makeSpeaker(announce) {
  const unsaid = new Map();
  let timer = null;
  return (text, of = "answer") => {
    unsaid.set(of, text);
    clearTimeout(timer);
    timer = setTimeout(() => {
      announce([...unsaid.values()].join(". "));
      unsaid.clear();
    }, QUIET_MS);
  };
}
