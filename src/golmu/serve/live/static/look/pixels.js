// The stage of the pixels: each with what the first convolution sees of it, and how much an answer hangs on it.

import { make } from "../elements.js";
import { formatNumber } from "../numbers.js";
import { saliency } from "../saliency.js";
import { ValueMap } from "../value_map.js";

export class PixelsPanel {
  constructor(look) {
    const { words, keys, hold } = look,
      pointed = (cell) => look.point(cell, () => this.reading.textContent);
    Object.assign(this, { look, words });
    this.image = new ValueMap({ label: words("look.image"), keys, hold, pointed });
    this.saliency = new ValueMap({ label: words("look.saliency"), keys, hold, pointed });
    this.category = make("select");
    this.category.addEventListener("change", () => look.choose({ category: Number(this.category.value) }));
    this.reading = make("p", { class: "reading" });
    this.element = make(
      "div",
      {},
      make("p", {}, words("look.pixels.text")),
      make(
        "div",
        { class: "maps" },
        make("figure", {}, make("figcaption", {}, words("look.image")), this.image.element),
        make(
          "figure",
          {},
          make("figcaption", {}, make("label", {}, `${words("look.saliency_of")} `, this.category)),
          this.saliency.element,
        ),
      ),
      this.reading,
      make("p", { class: "soft" }, words("look.saliency.text")),
    );
  }

  update(trace, view) {
    const { network, pixels, input } = trace,
      { height, width, channels, names } = network,
      { y, x, category } = view;
    if (this.names !== names)
      this.category.replaceChildren(...names.map((name, i) => make("option", { value: i }, name)));
    Object.assign(this, { names });
    this.category.value = category;
    if (this.trace !== trace || this.shown !== category) this.values = saliency(network, pixels, category);
    Object.assign(this, { trace, shown: category });
    this.image.showPixels({ pixels, height, width, channels });
    this.saliency.showValues({ values: this.values, height, width });
    for (const map of [this.image, this.saliency]) map.mark({ y, x });
    const place = (y * width + x) * channels,
      part = (all) => Array.from(all.subarray(place, place + channels));
    this.reading.textContent = this.words("look.pixels.reading", {
      row: y + 1,
      column: x + 1,
      pixel: part(pixels).join(" · "),
      seen: part(input)
        .map((value) => formatNumber(value))
        .join(" · "),
      saliency: formatNumber(this.values[y * width + x]),
    });
  }
}
