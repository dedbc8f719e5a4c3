// A cell of a grid is pointed at with a mouse, with a finger, or with the arrow keys.

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** Whether a click holds the cell that is pointed at, so that the mouse can leave; several grids may share one. */
export class Hold {
  constructor() {
    Object.assign(this, { isHeld: false, elements: [] });
  }

  set(isHeld) {
    this.isHeld = isHeld;
    for (const element of this.elements) element.classList.toggle("held", isHeld);
  }
}

export class Pointing {
  /**
   * @param element What holds the grid; it can be reached with the Tab key from now on.
   * @param label What a screen reader calls it.
   * @param pointed Called with { y, x, byKey } when another cell is pointed at.
   * @param pressed Called with the same when a cell is clicked, or Enter or Space is pressed on it; without, a click
   *   holds the cell, and a click on a held cell lets it go.
   * @param hold What a click holds, if other grids show the same cell.
   * @param keys The id of the element that explains all that.
   */
  constructor(element, { label, pointed, pressed = null, hold = new Hold(), keys }) {
    for (const [name, value] of [
      ["tabindex", 0],
      ["role", "application"],
      ["aria-describedby", keys],
    ]) {
      if (value !== undefined) element.setAttribute(name, value);
    }
    Object.assign(this, { element, height: 1, width: 1, cell: { y: 0, x: 0 }, pointed, pressed, hold });
    hold.elements.push(element);
    this.setLabel(label);
    element.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "touch" && !hold.isHeld) this.point(this.cellAt(event), false);
    });
    element.addEventListener("click", (event) => this.press(this.cellAt(event)));
    element.addEventListener("keydown", (event) => this.type(event));
  }

  setLabel(label) {
    this.element.setAttribute("aria-label", label);
  }

  /** Say how many rows and columns there are. */
  measure(height, width) {
    Object.assign(this, { height, width, cell: this.within(this.cell) });
  }

  within({ y, x }) {
    return { y: Math.min(Math.max(y, 0), this.height - 1), x: Math.min(Math.max(x, 0), this.width - 1) };
  }

  cellAt(event) {
    const box = this.element.getBoundingClientRect(),
      { clientLeft, clientTop, clientWidth, clientHeight } = this.element;
    return {
      y: Math.floor(((event.clientY - box.top - clientTop) / clientHeight) * this.height),
      x: Math.floor(((event.clientX - box.left - clientLeft) / clientWidth) * this.width),
    };
  }

  type(event) {
    const { key } = event,
      { y, x } = this.cell;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.pressed && (key === "Enter" || key === " ")) this.pressed({ y, x, byKey: true });
    else if (key === "Home" || key === "End") this.point({ y, x: key === "Home" ? 0 : this.width - 1 }, true);
    else if (key in MOVES) this.point({ y: y + MOVES[key][0], x: x + MOVES[key][1] }, true);
    else return;
    event.preventDefault();
  }

  press(place) {
    const { y, x } = this.within(place),
      isSame = y === this.cell.y && x === this.cell.x;
    if (!this.pressed) this.hold.set(!(this.hold.isHeld && isSame));
    this.point({ y, x }, false);
    this.pressed?.({ y, x, byKey: false });
  }

  point(place, byKey) {
    const cell = this.within(place);
    if (!byKey && cell.y === this.cell.y && cell.x === this.cell.x) return;
    this.cell = cell;
    this.pointed?.({ ...cell, byKey });
  }
}
