// Lines between the parts of the network.

import { draw } from "../controls.js";

const NAMES = ["", "pointed", "chosen"]; // of the ranks of lines; the last lie above the others

const shown = new WeakMap(); // the lines of each drawing, so that it is drawn again only when they move

/**
 * Draw lines over a part of the page, from the right side of one element to the left side of another.
 *
 * @param drawing The drawing (SVG) that covers `ground`.
 * @param lines The lines, each { from, to, rank }.
 */
export function showLinks(drawing, ground, lines) {
  const frame = ground.getBoundingClientRect(),
    paths = NAMES.map(() => []);
  for (const { from, to, rank } of lines) {
    const [a, b] = [from.getBoundingClientRect(), to.getBoundingClientRect()];
    if (a.right > b.left + 1 || !a.width || !b.width) continue; // the next row of a narrow page
    const [x1, x2] = [a.right - frame.left, b.left - frame.left],
      [y1, y2] = [a, b].map(({ top, bottom }) => (top + bottom) / 2 - frame.top),
      middle = (x1 + x2) / 2;
    paths[rank].push(`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
  }
  const key = JSON.stringify(paths);
  if (shown.get(drawing) === key) return;
  shown.set(drawing, key);
  drawing.replaceChildren(...paths.flatMap((ds, rank) => ds.map((d) => draw("path", { class: NAMES[rank], d }))));
}
