// A row of small images to choose from, each with what it shows and what the network takes it for.

import { make } from "../elements.js";
import { formatNumber, formatPercent } from "../numbers.js";
import { rove } from "../roving.js";
import { paintPixels } from "../value_map.js";

export class Thumbs {
  /**
   * @param words The words of the page.
   * @param label What a screen reader calls the row.
   * @param opened Called with an item and its `image` when it is chosen.
   */
  constructor({ words, label, opened }) {
    Object.assign(this, { words, opened, buttons: [], marked: null, judging: 0 });
    this.row = make("div", { class: "thumbs", role: "group", "aria-label": label });
    this.caption = make("p", { class: "soft thumbs-caption" });
    this.element = make("div", {}, this.row, this.caption);
    this.reach = rove(this.row, () => this.columns());
  }

  columns() {
    const tops = this.buttons.map(({ button }) => button.offsetTop),
      n = tops.findIndex((top) => top !== tops[0]);
    return n < 0 ? tops.length : n;
  }

  /** Say something in place of images, such as why there are none. */
  say(text) {
    this.caption.textContent = text;
  }

  /** Show images: `items` as the server describes them, `pixels` as (n, h, w, c). */
  show(items, { values, shape: [, height, width, channels] }, names) {
    const size = height * width * channels;
    this.names = names;
    this.buttons = items.map((item, i) => {
      const image = { pixels: values.subarray(i * size, (i + 1) * size), height, width, channels },
        canvas = make("canvas");
      const button = make("button", { type: "button", "aria-pressed": "false" }, canvas),
        one = { button, image, item, index: item.index, text: "" };
      paintPixels(canvas, image);
      for (const kind of ["pointerenter", "focus"]) button.addEventListener(kind, () => this.say(one.text));
      for (const kind of ["pointerleave", "blur"]) button.addEventListener(kind, () => this.sayChosen());
      button.addEventListener("click", () => this.opened({ ...one.item, image }));
      this.describe(one);
      return one;
    });
    this.row.replaceChildren(...this.buttons.map(({ button }) => button));
    this.reach();
    this.sayChosen();
  }

  /**
   * Judge the images by the network of the moment, one after the other, so that the page answers in between; `pace`
   * is told how long that takes.
   */
  async judge(network, pace) {
    const turn = ++this.judging;
    for (const one of this.buttons) {
      await new Promise((done) => setTimeout(done));
      if (turn !== this.judging || one.image.pixels.length !== network.height * network.width * network.channels)
        return;
      const started = performance.now(),
        { probabilities } = network.predict(one.image.pixels),
        probability = probabilities.reduce((a, b) => Math.max(a, b));
      Object.assign(one.item, { probability, predicted: probabilities.indexOf(probability) });
      this.describe(one);
      pace.charge(performance.now() - started);
    }
    this.sayChosen();
  }

  /** Mark the image with a number; null: none. */
  mark(index) {
    this.marked = index;
    for (const one of this.buttons) one.button.setAttribute("aria-pressed", String(one.index === index));
    this.sayChosen();
  }

  /** Put into words what an image shows, and what the network takes it for. */
  describe(one) {
    const { label, predicted, probability, activation } = one.item,
      isRight = label === predicted,
      { names, words } = this;
    const values = { label: names[label], predicted: names[predicted], probability: formatPercent(probability) };
    const text = words(isRight ? "look.images.right" : "look.images.wrong", values);
    one.text =
      activation === undefined
        ? text
        : `${text} · ${words("look.images.activation", { value: formatNumber(activation) })}`;
    one.button.classList.toggle("wrong", !isRight);
    one.button.setAttribute("aria-label", one.text);
  }

  sayChosen() {
    this.say(this.buttons.find(({ index }) => index === this.marked)?.text ?? "");
  }
}
