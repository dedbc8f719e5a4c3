// Values on a grid as coloured cells, too many to print: each can be pointed at.

import { channelsOf, make, paintImage } from "./elements.js";
import { Pointing } from "./pointing.js";

/** Return the largest magnitude of every `stride`-th value from `offset` on; 1 where all are 0. */
export function largestOf(values, stride = 1, offset = 0) {
  let largest = 0;
  for (let i = offset; i < values.length; i += stride) largest = Math.max(largest, Math.abs(values[i]));
  return largest || 1;
}

/**
 * Paint values (height, width) on a canvas, a pixel each: blue above 0 and orange below, the stronger the nearer to
 * `largest`. The values are every `stride`-th of `values` from `offset` on.
 */
export function paintValues(canvas, { values, height, width, stride = 1, offset = 0, largest }) {
  const [above, below] = ["--blue", "--orange"].map(channelsOf),
    data = new ImageData(width, height);
  const most = largest ?? largestOf(values, stride, offset);
  for (let i = 0, from = offset; i < height * width; i++, from += stride) {
    const value = values[from],
      [red, green, blue] = value < 0 ? below : above;
    data.data.set([red, green, blue, Math.min(255, (255 * Math.abs(value)) / most)], 4 * i);
  }
  fitCanvas(canvas, data);
  canvas.getContext("2d").putImageData(data, 0, 0);
}

/** Paint an image { pixels, height, width, channels } on a canvas. */
export function paintPixels(canvas, image) {
  fitCanvas(canvas, image);
  paintImage(canvas, image);
}

function fitCanvas(canvas, { height, width }) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
}

/** A grid of values in which one window of cells is marked; the options are those of `Pointing`. */
export class ValueMap {
  constructor(options) {
    this.canvas = make("canvas");
    this.frame = make("i", { class: "map-mark", hidden: true });
    this.dot = make("i", { class: "map-dot", hidden: true });
    this.element = make("div", { class: "map" }, this.canvas, this.frame, this.dot);
    this.pointing = new Pointing(this.element, options);
  }

  setLabel(label) {
    this.pointing.setLabel(label);
  }

  /** Show values, as for `paintValues`. */
  showValues(map) {
    this.measure(map);
    paintValues(this.canvas, map);
  }

  /** Show an image, as for `paintPixels`. */
  showPixels(image) {
    this.measure(image);
    paintPixels(this.canvas, image);
  }

  measure({ height, width }) {
    this.pointing.measure(height, width);
    this.element.style.aspectRatio = `${width} / ${height}`;
  }

  /** Mark a window of cells, and a cell in it with a dot if `dot` names one; the arrow keys go on from `cell`. */
  mark({ y, x, height = 1, width = 1, dot = null, cell = { y, x } }) {
    this.pointing.cell = cell;
    this.place(this.frame, { y, x, height, width });
    this.dot.hidden = dot === null;
    if (dot) this.place(this.dot, { ...dot, height: 1, width: 1 });
  }

  place(element, { y, x, height, width }) {
    const share = (value, whole) => `${(100 * value) / whole}%`,
      { pointing } = this;
    element.hidden = false;
    Object.assign(element.style, {
      top: share(y, pointing.height),
      left: share(x, pointing.width),
      height: share(height, pointing.height),
      width: share(width, pointing.width),
    });
  }
}
