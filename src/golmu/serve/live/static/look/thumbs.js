// A row of small images to choose from, each with what it shows and what the network takes it for.

import { make, percent } from "../elements.js";
import { formatNumber } from "../numbers.js";
import { rove } from "../roving.js";
import { paintPixels } from "../value_map.js";

export class Thumbs {
  /**
   * @param words The words of the page.
   * @param label What a screen reader calls the row.
   * @param opened Called with an item and its `image` when it is chosen.
   */
  constructor({ words, label, opened }) {
    Object.assign(this, { words, opened, buttons: [] });
    this.row = make("div", { class: "thumbs", role: "group", "aria-label": label });
    this.caption = make("p", { class: "soft thumbs-caption" });
    this.element = make("div", {}, this.row, this.caption);
    this.reach = rove(this.row, () => this.columns());
  }

  columns() {
    const tops = this.buttons.map(({ button }) => button.offsetTop), n = tops.findIndex((top) => top !== tops[0]);
    return n < 0 ? tops.length : n;
  }

  /** Say something in place of images, such as why there are none. */
  say(text) {
    this.caption.textContent = text;
  }

  /** Show images: `items` as the server describes them, `pixels` as (n, h, w, c). */
  show(items, { values, shape: [, height, width, channels] }, names) {
    const size = height * width * channels;
    this.buttons = items.map((item, i) => {
      const image = { pixels: values.subarray(i * size, (i + 1) * size), height, width, channels }, canvas = make("canvas");
      const text = this.describe(item, names), isWrong = item.label !== item.predicted;
      const button = make("button", { type: "button", class: isWrong ? "wrong" : "", "aria-label": text, "aria-pressed": "false" }, canvas);
      paintPixels(canvas, image);
      for (const kind of ["pointerenter", "focus"]) button.addEventListener(kind, () => this.say(text));
      button.addEventListener("click", () => this.opened({ ...item, image }));
      return { button, index: item.index };
    });
    this.row.replaceChildren(...this.buttons.map(({ button }) => button));
    this.reach();
    this.say("");
  }

  describe({ label, predicted, probability, activation }, names) {
    const values = { label: names[label], predicted: names[predicted], probability: percent(probability) };
    const text = this.words(label === predicted ? "look.images.right" : "look.images.wrong", values);
    return activation === undefined ? text : `${text} · ${this.words("look.images.activation", { value: formatNumber(activation) })}`;
  }

  /** Mark the image with a number; null: none. */
  mark(index) {
    for (const one of this.buttons) one.button.setAttribute("aria-pressed", String(one.index === index));
  }
}
