// Pooling: of each window of 2×2 only the maximum stays, and a small shift often changes nothing.

import { button } from "../controls.js";
import { make } from "../elements.js";
import { NumberGrid } from "../number_grid.js";
import { Hold } from "../pointing.js";

const SIDE = 6;
const MAP = [
  [8, 3, 0, 1, 0, 0],
  [7, 2, 2, 0, 1, 0],
  [9, 1, 3, 2, 0, 0],
  [5, 4, 6, 1, 4, 0],
  [2, 0, 5, 1, 9, 1],
  [1, 0, 4, 0, 7, 2],
].flat();

/** Return the values of each 2×2 window, by row, and which of them is the maximum: the first of equals. */
function windowsOf(map) {
  return Array.from({ length: (SIDE / 2) ** 2 }, (_, i) => {
    const [y, x] = [2 * Math.floor(i / (SIDE / 2)), 2 * (i % (SIDE / 2))];
    const places = [0, 1, SIDE, SIDE + 1].map((step) => y * SIDE + x + step),
      values = places.map((place) => map[place]);
    const largest = Math.max(...values);
    return { places, values, largest, place: places[values.indexOf(largest)] };
  });
}

export function explainPooling(words) {
  let chosen = 0,
    isShifted = false;
  const label = (name, values) => words(`explain.pooling.${name}`, values);
  const choose = (cell, share) => {
    chosen = Math.floor(cell.y / share) * (SIDE / 2) + Math.floor(cell.x / share);
    update();
  };
  const hold = new Hold();
  const map = new NumberGrid({
    rows: SIDE,
    columns: SIDE,
    label: label("map"),
    options: { keys: "explain-keys", hold, pointed: (cell) => choose(cell, 2) },
  });
  const pooled = new NumberGrid({
    rows: SIDE / 2,
    columns: SIDE / 2,
    label: label("pooled"),
    options: { keys: "explain-keys", hold, pointed: (cell) => choose(cell, 1) },
  });
  const equation = make("p", { class: "equation" }),
    effect = make("p", { class: "soft", role: "status" });
  const toggle = button(label("shift"), () => {
    isShifted = !isShifted;
    update();
  });

  function update() {
    const values = isShifted ? MAP.map((_, i) => (i % SIDE ? MAP[i - 1] : 0)) : MAP;
    const windows = windowsOf(values),
      before = windowsOf(MAP),
      one = windows[chosen];
    const winners = new Set(windows.map(({ place }) => place));
    map.show(values, {
      format: String,
      largest: 9,
      classes: values.map((_, i) => `${one.places.includes(i) ? "marked " : ""}${winners.has(i) ? "winner" : ""}`),
    });
    pooled.show(
      windows.map(({ largest }) => largest),
      { format: String, largest: 9, classes: windows.map((_, i) => (i === chosen ? "marked" : "")) },
    );
    equation.textContent = `max(${one.values.join(", ")}) = ${one.largest}`;
    const same = windows.filter(({ largest }, i) => largest === before[i].largest).length;
    const moved = values.filter((value, i) => value !== MAP[i]).length;
    effect.textContent = isShifted
      ? label("shifted", { moved, of: values.length, same, windows: windows.length })
      : label("unshifted");
    toggle.setAttribute("aria-pressed", String(isShifted));
  }

  update();
  return [
    make(
      "div",
      { class: "by-hand" },
      make("figure", {}, make("figcaption", {}, label("map")), map.element),
      make("span", { class: "sign" }, "→"),
      make("figure", {}, make("figcaption", {}, label("pooled")), pooled.element),
    ),
    equation,
    make("div", { class: "controls" }, toggle),
    effect,
  ];
}
