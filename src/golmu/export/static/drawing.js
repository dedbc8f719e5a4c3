// An area to draw on with a mouse, a finger, a pen or the keyboard. A drawing is a list of strokes, and not of pixels, so
// that it can be drawn again at any size. Lengths are in units of the longer side of the area.

import { drawImage } from "./fitting.js";

const SMALLEST_FRAME = 0.4; // what is drawn is enlarged until it fills its share of this, but not a dot
const ROUGH_SIDE = 280; // pixels of a drawing before it is fitted to the network, at least
const KEY_STEP = 0.02;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Draw strokes on a context, so that the point (left, top) comes to its corner; lines keep their width in pixels. */
function drawStrokes(context, strokes, left, top, pixelsPerUnit, pixelsPerWidth) {
  [context.lineCap, context.lineJoin] = ["round", "round"];
  for (const { points, colour, width } of strokes) {
    context.strokeStyle = colour;
    context.lineWidth = width * pixelsPerWidth;
    context.beginPath();
    points.forEach(([x, y], i) => {
      const place = [(x - left) * pixelsPerUnit, (y - top) * pixelsPerUnit];
      if (i === 0) context.moveTo(...place);
      context.lineTo(...place); // to the first point too: a single one is a dot
    });
    context.stroke();
  }
}

/** An area to draw on. */
export class DrawingArea {
  /**
   * @param canvas The element.
   * @param size Height and width in pixels of the image that the network takes; the area has its aspect ratio.
   * @param pen An object with the `colour` and the `width` of the next stroke, and the `ground`.
   * @param changed Called when the drawing has changed.
   * @param say Called with what a user of the keyboard should hear.
   */
  constructor(canvas, { height, width }, pen, changed, say) {
    const longer = Math.max(height, width);
    Object.assign(this, { canvas, pen, changed, say, strokes: [], isDown: false, showsCursor: false });
    [this.height, this.width] = [height / longer, width / longer];
    this.cursor = [this.width / 2, this.height / 2];
    canvas.style.aspectRatio = `${width} / ${height}`;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.lift());
    canvas.addEventListener("keydown", (event) => this.type(event));
    canvas.addEventListener("blur", () => this.lift());
    new ResizeObserver(() => this.paint()).observe(canvas);
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  /** Return the image of the drawing, scaled and centred so that it fills `share` of the longer side. */
  image(share, channels, sides) {
    const longer = Math.max(sides.height, sides.width), frame = this.frame(share);
    const pixelsPerUnit = Math.ceil(ROUGH_SIDE / longer) * longer;
    const [height, width] = [this.height, this.width].map((side) => Math.round(side * pixelsPerUnit));
    const draw = (context) => drawStrokes(context, this.strokes, frame.left, frame.top, pixelsPerUnit / frame.side, pixelsPerUnit);
    return drawImage(draw, height, width, channels, this.pen.ground);
  }

  /** Return the part of the area that becomes the image; its longer side is `side`. */
  frame(share) {
    const [xs, ys] = [0, 1].map((axis) => this.strokes.flatMap(({ points }) => points.map((point) => point[axis])));
    const reach = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
    const [[left, right], [top, bottom]] = [reach(xs), reach(ys)];
    const room = Math.max(share - Math.max(...this.strokes.map(({ width }) => width)), 0.3); // a line is wider than its points
    const side = Math.max((right - left) / room / this.width, (bottom - top) / room / this.height, SMALLEST_FRAME);
    return { side, left: (left + right - side * this.width) / 2, top: (top + bottom - side * this.height) / 2 };
  }

  press(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.showsCursor = false;
    this.begin(this.place(event));
  }

  move(event) {
    if (!this.isDown || this.showsCursor || !event.isPrimary) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.extend(this.place(one));
  }

  /** Return where in the area a pointer is. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.within(((event.clientX - box.left) / box.width) * this.width, ((event.clientY - box.top) / box.height) * this.height);
  }

  type(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(key in KEYS || [" ", "Backspace", "Delete"].includes(key))) return;
    event.preventDefault();
    this.showsCursor = true;
    if (key === "Backspace") this.undo();
    else if (key === "Delete") this.clear();
    else if (key === " " && this.isDown) this.lift();
    else if (key === " ") this.begin(this.cursor);
    else this.step(KEYS[key]);
    if (key === " ") this.say(this.isDown ? "pen down" : "pen up");
    this.paint();
  }

  step([right, down]) {
    this.cursor = this.within(this.cursor[0] + right * KEY_STEP, this.cursor[1] + down * KEY_STEP);
    if (this.isDown) this.extend(this.cursor);
  }

  /** Return a point as one of the area. */
  within(x, y) {
    return [Math.min(Math.max(x, 0), this.width), Math.min(Math.max(y, 0), this.height)];
  }

  begin(point) {
    this.isDown = true;
    this.strokes.push({ points: [point], colour: this.pen.colour, width: this.pen.width });
    this.update();
  }

  extend(point) {
    this.strokes.at(-1).points.push(point);
    this.update();
  }

  lift() {
    this.isDown = false;
  }

  undo() {
    this.lift();
    this.strokes.pop();
    this.update();
  }

  clear() {
    this.wipe();
    this.changed();
  }

  /** Clear the area because something else is shown, so that nobody need be told. */
  wipe() {
    this.lift();
    this.strokes = [];
    this.paint();
  }

  update() {
    this.paint();
    this.changed();
  }

  /** Draw the area as the user sees it. */
  paint() {
    const { canvas } = this, sharp = window.devicePixelRatio || 1;
    const [height, width] = [canvas.clientHeight, canvas.clientWidth].map((side) => Math.max(1, Math.round(side * sharp)));
    if (canvas.height !== height || canvas.width !== width) [canvas.height, canvas.width] = [height, width];
    const context = canvas.getContext("2d"), pixelsPerUnit = width / this.width;
    context.fillStyle = this.pen.ground;
    context.fillRect(0, 0, width, height);
    drawStrokes(context, this.strokes, 0, 0, pixelsPerUnit, pixelsPerUnit);
    if (this.showsCursor) this.paintCursor(context, pixelsPerUnit);
  }

  paintCursor(context, pixelsPerUnit) {
    const [x, y] = this.cursor.map((value) => value * pixelsPerUnit);
    for (const [colour, width] of [["white", 5], ["black", 2]]) {
      [context.strokeStyle, context.lineWidth] = [colour, width];
      context.beginPath();
      context.arc(x, y, this.isDown ? 5 : 9, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}
