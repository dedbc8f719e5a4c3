// A few numbers on a grid, printed in cells that are blue above 0 and orange below.

import { make } from "./elements.js";
import { formatNumber, formatShort } from "./numbers.js";
import { Pointing } from "./pointing.js";

const STRONGEST = 45; // percent of the colour, so that the number on it can be read

export class NumberGrid {
  /**
   * @param rows, columns How many cells.
   * @param label What a screen reader calls it.
   * @param options Those of `Pointing`, if its cells can be pointed at.
   */
  constructor({ rows, columns, label, options = null }) {
    this.cells = Array.from({ length: rows * columns }, () => make("span"));
    this.element = make("div", { class: "number-grid", role: "group", "aria-label": label }, ...this.cells);
    this.element.style.setProperty("--columns", columns);
    if (options) {
      this.pointing = new Pointing(this.element, { label, ...options });
      this.pointing.measure(rows, columns);
    }
  }

  /**
   * Show numbers, by row.
   *
   * @param format How one is written.
   * @param largest The magnitude that has the full colour; null: no colours.
   * @param classes Names for the cells, such as "marked"; by row.
   */
  show(values, { format = formatShort, largest = null, classes = [] } = {}) {
    this.cells.forEach((cell, i) => {
      const value = values[i],
        isShown = value !== null && value !== undefined;
      cell.textContent = isShown ? format(value) : "";
      cell.title = isShown ? formatNumber(value, 5) : "";
      cell.className = `${value < 0 ? "below " : ""}${classes[i] ?? ""}`;
      cell.style.setProperty(
        "--strength",
        isShown && largest ? (STRONGEST * Math.min(1, Math.abs(value) / largest)).toFixed(1) : 0,
      );
    });
  }
}
