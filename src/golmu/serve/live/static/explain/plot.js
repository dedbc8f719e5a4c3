// A drawing of curves over two axes.

import { draw } from "../controls.js";
import { formatNumber } from "../numbers.js";

const [LEFT, RIGHT, TOP, BOTTOM] = [38, 10, 10, 24]; // room around the curves, in units of the drawing
const POINTS = 160; // of a curve

export class Plot {
  /**
   * @param label What a screen reader calls it.
   * @param xs, ys The least and the largest value of each axis.
   * @param ticks Distance of the marks of each axis.
   * @param size Width and height of the drawing, in its units.
   */
  constructor({ label, xs, ys, ticks: [xTick, yTick], size: [width, height] = [460, 270] }) {
    Object.assign(this, { xs, ys, width: width - LEFT - RIGHT, height: height - TOP - BOTTOM });
    const inside = { x: LEFT, y: TOP, width: this.width, height: this.height };
    this.curves = draw("svg", {
      ...inside,
      viewBox: `${LEFT} ${TOP} ${this.width} ${this.height}`,
      class: "plot-inside",
    });
    this.axes = draw("g", { class: "plot-axes" });
    this.marks = draw("g");
    this.element = draw("svg", { class: "plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    this.element.append(this.axes, this.curves, this.marks);
    for (const value of marksOf(xs, xTick)) this.drawTick(value, null);
    for (const value of marksOf(ys, yTick)) this.drawTick(null, value);
  }

  drawTick(x, y) {
    const { axes, xs, ys } = this,
      isX = y === null,
      value = isX ? x : y;
    const line = isX
      ? { x1: this.x(x), x2: this.x(x), y1: this.y(ys[0]), y2: this.y(ys[1]) }
      : { x1: this.x(xs[0]), x2: this.x(xs[1]), y1: this.y(y), y2: this.y(y) };
    const at = isX
      ? { x: this.x(x), y: TOP + this.height + 17, "text-anchor": "middle" }
      : { x: LEFT - 6, y: this.y(y) + 4, "text-anchor": "end" };
    axes.append(
      draw("line", { ...line, class: value === 0 ? "plot-zero" : "" }),
      draw("text", at, formatNumber(value, Number.isInteger(value) ? 0 : 1)),
    );
  }

  x(value) {
    return LEFT + ((value - this.xs[0]) / (this.xs[1] - this.xs[0])) * this.width;
  }

  y(value) {
    return TOP + ((this.ys[1] - value) / (this.ys[1] - this.ys[0])) * this.height;
  }

  /** Return where on the first axis a pointer is. */
  valueAt(event) {
    const box = this.element.getBoundingClientRect(),
      scale = (LEFT + this.width + RIGHT) / box.width;
    const share = ((event.clientX - box.left) * scale - LEFT) / this.width;
    return this.xs[0] + Math.min(Math.max(share, 0), 1) * (this.xs[1] - this.xs[0]);
  }

  /** Draw a function, or the line through some points. */
  curve(points, name) {
    const path = draw("path", { class: name, fill: "none" });
    this.curves.append(path);
    this.redraw(path, points);
    return path;
  }

  redraw(path, points) {
    const [low, high] = this.xs,
      at = (i) => low + (i / POINTS) * (high - low);
    const all =
      typeof points === "function" ? Array.from({ length: POINTS + 1 }, (_, i) => [at(i), points(at(i))]) : points;
    path.setAttribute(
      "d",
      all.map(([x, y], i) => `${i ? "L" : "M"}${this.x(x).toFixed(2)} ${this.y(y).toFixed(2)}`).join(""),
    );
  }

  /** Draw a point, which `move` puts elsewhere. */
  point(name, radius = 6) {
    const circle = draw("circle", { class: name, r: radius });
    this.marks.append(circle);
    return {
      element: circle,
      move: (x, y) => {
        circle.setAttribute("cx", this.x(x));
        circle.setAttribute("cy", Math.min(Math.max(this.y(y), TOP), TOP + this.height));
      },
    };
  }
}

function marksOf([low, high], distance) {
  const first = Math.ceil(low / distance),
    n = Math.floor(high / distance) - first + 1;
  return Array.from({ length: n }, (_, i) => (first + i) * distance);
}

/** Call a function with the value under a pointer while it is pressed on a plot. */
export function dragOn(plot, moved) {
  const { element } = plot;
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    moved(plot.valueAt(event));
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) moved(plot.valueAt(event));
  });
}
