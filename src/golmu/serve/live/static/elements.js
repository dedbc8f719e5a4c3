// Elements of the page; most are those of the page that is exported with a network.

export { make, makeBars, makeMaps, makeSpeaker, paintImage, sizeCanvas } from "./shared/showing.js";

/** Replace what is in an element; the focus stays at the button whose place it had. */
export function replaceInPlace(element, ...children) {
  const buttons = () => [...element.querySelectorAll("button")], at = buttons().indexOf(document.activeElement);
  element.replaceChildren(...children);
  if (at >= 0) buttons().slice(0, at + 1).at(-1)?.focus({ preventScroll: true });
}

/** Size a canvas to the room it has on the page, in the screen's own pixels; return its context, in CSS pixels. */
export function sharpContext(canvas) {
  const sharp = window.devicePixelRatio || 1;
  const [height, width] = [canvas.clientHeight, canvas.clientWidth];
  const [rows, columns] = [height, width].map((side) => Math.max(1, Math.round(side * sharp)));
  if (canvas.height !== rows || canvas.width !== columns) [canvas.height, canvas.width] = [rows, columns];
  const context = canvas.getContext("2d");
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, height, width };
}

const colours = new Map(); // by theme and name: the browser would compute all styles again for each question

/** Return the value of a colour variable of the style sheet, such as "--text". */
export function colourOf(name) {
  const root = document.documentElement, key = `${root.dataset.theme} ${name}`;
  if (!colours.has(key)) colours.set(key, getComputedStyle(root).getPropertyValue(name).trim());
  return colours.get(key);
}

/** Return the red, green and blue of a colour variable that is written as #rrggbb. */
export function channelsOf(name) {
  const digits = colourOf(name).slice(1);
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
}
