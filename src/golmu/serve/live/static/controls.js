// What a hand moves: buttons, sliders, choices; and the elements of drawings.

import { make } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";

/** Return an element of a drawing (SVG) with these attributes and children. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Return a button that does something. */
export function button(words, act, attributes = {}) {
  const made = make("button", { type: "button", ...attributes }, words);
  made.addEventListener("click", act);
  return made;
}

/** Return a slider with its label and its number; `changed` is called with each new number. */
export function slider({ label, low, high, step, value, format, changed }) {
  const input = make("input", { type: "range", min: low, max: high, step, value }),
    number = make("output", { class: "number" });
  const show = () => {
    number.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", number.textContent);
  };
  const set = (next) => {
    input.value = next;
    show();
  };
  input.addEventListener("input", () => {
    show();
    changed(Number(input.value));
  });
  show();
  return { element: make("label", { class: "slider" }, make("span", {}, label), input, number), set };
}

/** Return one choice among a few as buttons in a row; `changed` is called with the value of the one that is pressed. */
export function choice({ label, options, value, changed }) {
  const buttons = new Map();
  const set = (next) => {
    for (const [one, made] of buttons) made.setAttribute("aria-pressed", String(one === next));
  };
  for (const [one, words] of options) {
    const act = () => {
      set(one);
      changed(one);
    };
    buttons.set(one, button(words, act));
  }
  set(value);
  return { element: make("div", { class: "choice", role: "group", "aria-label": label }, ...buttons.values()), set };
}
