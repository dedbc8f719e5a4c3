// A chart of curves over epochs, such as the losses of several runs. Pointing at it, or the arrow keys, read its values.

import { colourOf, make, sharpContext } from "./elements.js";

const ROOM = { left: 54, right: 30, top: 10, bottom: 26 }; // around the area of the curves, in CSS pixels
const N_TICKS = 5;
const SPIKES = 0.02; // so large a share of a faint curve's points may lie above the chart
const MOST_MARKS = 40; // of a curve; of more points, only some are marked
const VALIDATION_DASH = [7, 4]; // training is solid, as in golmu.plots

/** Return round numbers from 0 or `low` up to `high`, about so many. */
export function ticksOf(low, high, n = N_TICKS) {
  const rough = (high - low) / n || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-6; tick += step) {
    ticks.push(Number(tick.toPrecision(12)));
  }
  return ticks;
}

/** Return the number under which all but a share of the values lie. */
function mostly(values, share) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * (1 - share)) - 1)];
}

/**
 * A chart. Its curves are { number, colour, isCurrent, isValidation, points: [[x, y]], style: "line" | "faint" | "marks" },
 * and `format` writes a value, `tick` one of the axis, and `limits(low, high, curves)` gives the ends of the axis.
 */
export class Chart {
  constructor({ app, title, format, tick, limits, signal }) {
    Object.assign(this, { app, title, format, tick, limits, curves: [], lastX: 1, highlighted: null, pointed: null });
    this.canvas = make("canvas", { class: "chart", tabindex: "0", role: "img" });
    this.tip = make("div", { class: "chart-tip", hidden: "" });
    this.element = make("div", { class: "chart-box" }, this.canvas, this.tip);
    this.canvas.addEventListener("pointermove", ({ offsetX }) => this.point(this.xAt(offsetX)));
    this.canvas.addEventListener("pointerleave", () => this.point(null));
    this.canvas.addEventListener("blur", () => this.point(null));
    this.canvas.addEventListener("keydown", (event) => this.type(event));
    this.watcher = new ResizeObserver(() => this.paint());
    this.watcher.observe(this.canvas);
    signal.addEventListener("abort", () => this.watcher.disconnect());
  }

  /** Show curves up to an epoch. */
  show(curves, lastX) {
    Object.assign(this, { curves, lastX });
    const words = curves.filter(({ points, style }) => points.length && style !== "faint");
    const runs = words.map(({ number, points }) => {
      return this.app.words("chart.run_words", { run: number, value: this.format(points.at(-1)[1]) });
    });
    this.canvas.setAttribute("aria-label", this.app.words(this.title, { runs: runs.join(", ") || this.app.words("chart.nothing") }));
    this.paint();
  }

  /** Draw one run's curves above the others, and those paler; null: all alike. */
  highlight(number) {
    this.highlighted = number;
    this.paint();
  }

  /** Return the range of values that the chart has room for. */
  range() {
    const values = this.curves.flatMap(({ points, style }) => {
      const all = points.map(([, y]) => y).filter(Number.isFinite);
      const top = style === "faint" ? mostly(all, SPIKES) : Infinity;
      return all.map((y) => Math.min(y, top));
    });
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity), low = values.reduce((a, b) => Math.min(a, b), Infinity);
    return this.limits(Number.isFinite(low) ? low : 0, Number.isFinite(high) ? high : 1, this.curves);
  }

  xAt(left) {
    const width = this.canvas.clientWidth - ROOM.left - ROOM.right;
    return Math.min(Math.max(((left - ROOM.left) / width) * this.lastX, 0), this.lastX);
  }

  paint() {
    const { context, height, width } = sharpContext(this.canvas), [low, high] = this.range();
    const right = width - ROOM.right, bottom = height - ROOM.bottom;
    if (right <= ROOM.left || bottom <= ROOM.top) return;
    const place = {
      x: (x) => ROOM.left + (x / this.lastX) * (right - ROOM.left),
      y: (y) => bottom - ((y - low) / (high - low)) * (bottom - ROOM.top),
    };
    this.paintAxes(context, place, { low, high, right, bottom });
    context.save();
    context.beginPath();
    context.rect(ROOM.left - 1, ROOM.top - 4, right - ROOM.left + 6, bottom - ROOM.top + 6);
    context.clip();
    const order = [...this.curves].sort((a, b) => this.rank(a) - this.rank(b));
    for (const curve of order) this.paintCurve(context, place, curve);
    context.restore();
    this.paintNumbers(context, place, right, bottom);
    if (this.pointed !== null) this.paintPointer(context, place, bottom);
  }

  /** What is drawn later lies above. */
  rank({ number, isCurrent, style }) {
    return (number === this.highlighted ? 4 : 0) + (isCurrent ? 2 : 0) + (style === "faint" ? 0 : 1);
  }

  paintAxes(context, place, { low, high, right, bottom }) {
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colourOf("--soft");
    context.strokeStyle = colourOf("--line");
    context.lineWidth = 1;
    [context.textAlign, context.textBaseline] = ["right", "middle"];
    for (const tick of ticksOf(low, high)) {
      const y = Math.round(place.y(tick)) + 0.5;
      context.beginPath();
      context.moveTo(ROOM.left, y);
      context.lineTo(right, y);
      context.stroke();
      context.fillText(this.tick(tick), ROOM.left - 8, y);
    }
    [context.textAlign, context.textBaseline] = ["center", "top"];
    const ticks = ticksOf(0, this.lastX, Math.min(8, Math.max(2, (right - ROOM.left) / 60)));
    for (const tick of ticks) {
      if (Number.isInteger(tick) || this.lastX < 2) context.fillText(this.app.number(tick, 2), place.x(tick), bottom + 8);
    }
    context.textAlign = "right";
    context.fillText(this.app.words("chart.epoch"), ROOM.left - 8, bottom + 8);
  }

  paintCurve(context, place, { number, colour, isValidation, points, style }) {
    const isPale = this.highlighted !== null && number !== this.highlighted;
    context.globalAlpha = (isPale ? 0.25 : 1) * (style === "faint" ? 0.4 : 1);
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = style === "faint" ? 1.2 : number === this.highlighted ? 3 : 2;
    context.setLineDash(isValidation ? VALIDATION_DASH : []);
    context.lineJoin = "round";
    context.beginPath();
    for (const [x, y] of points) if (Number.isFinite(y)) context.lineTo(place.x(x), place.y(y));
    context.stroke();
    context.setLineDash([]);
    if (style === "marks") {
      const every = Math.ceil(points.length / MOST_MARKS);
      for (const [x, y] of points.filter((_, i) => (points.length - 1 - i) % every === 0)) {
        context.beginPath();
        context.arc(place.x(x), place.y(y), 3, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
  }

  /** Write each run's number at the end of its curve, without one upon another. */
  paintNumbers(context, place, right, bottom) {
    const isEnd = ({ points, style }) => points.length > 0 && style !== "faint", isMarked = ({ style }) => style === "marks";
    const marked = new Set(this.curves.filter((curve) => isEnd(curve) && isMarked(curve)).map(({ number }) => number));
    const ends = this.curves.filter((curve) => isEnd(curve) && (isMarked(curve) || !marked.has(curve.number)));
    const labels = ends.map(({ number, colour, points, hasDiverged }) => {
      const [x, y] = points.at(-1);
      const end = place.y(Number.isFinite(y) ? y : Infinity), words = hasDiverged ? `${number} ×` : String(number);
      return { words, colour, x: Math.min(place.x(x), right) + 7, y: Math.min(Math.max(end, ROOM.top + 4), bottom - 4) };
    });
    labels.sort((a, b) => a.y - b.y);
    context.font = "600 12px system-ui, sans-serif";
    [context.textAlign, context.textBaseline] = ["left", "middle"];
    labels.forEach((label, i) => {
      const above = labels[i - 1];
      if (above && Math.abs(above.x - label.x) < 18 && label.y - above.y < 13) label.y = above.y + 13;
      context.fillStyle = label.colour;
      context.fillText(label.words, label.x, label.y);
    });
  }

  paintPointer(context, place, bottom) {
    const x = Math.round(place.x(this.pointed)) + 0.5;
    context.strokeStyle = colourOf("--strong-line");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, ROOM.top);
    context.lineTo(x, bottom);
    context.stroke();
  }

  type(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key === "Escape") this.point(null);
    if (!(event.key in moves)) return;
    event.preventDefault();
    const step = this.lastX / 20, from = this.pointed ?? (moves[event.key] < 0 ? this.lastX + step : -step);
    this.point(Math.min(Math.max(from + moves[event.key] * step, 0), this.lastX));
    this.app.announce(this.tip.textContent);
  }

  /** Show the values of all curves at a place, in epochs; null: none. */
  point(x) {
    this.pointed = x;
    const rows = x === null ? [] : this.curves.filter(({ style }) => style !== "faint").flatMap((curve) => this.rowAt(curve, x));
    this.tip.hidden = rows.length === 0;
    if (rows.length) {
      this.tip.replaceChildren(make("b", {}, this.app.words("chart.at", { epoch: this.app.number(x, 1) })), ...rows);
      const width = this.canvas.clientWidth, left = ROOM.left + (x / this.lastX) * (width - ROOM.left - ROOM.right);
      this.tip.classList.toggle("leftwards", left > width / 2);
      this.tip.style.left = `${left}px`;
    }
    this.paint();
  }

  /** Return a row for the point of a curve that is nearest to x; none where the curve has not come so far. */
  rowAt({ number, colour, name, points }, x) {
    if (!points.length || x > points.at(-1)[0] + this.lastX / 20) return [];
    const [, y] = points.reduce((best, point) => (Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best));
    const mark = make("i");
    mark.style.background = colour;
    const words = [this.app.words("chart.run", { run: number }), name].filter(Boolean).join(", ");
    return [make("span", {}, mark, `${words} `, make("b", {}, this.format(y)))];
  }
}
