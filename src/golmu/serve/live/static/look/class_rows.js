// The classes with their logits and probabilities, each a button that leads to how it is computed.

import { button } from "../controls.js";
import { make } from "../elements.js";
import { formatNumber, formatPercent, formatShort } from "../numbers.js";
import { rove } from "../roving.js";
import { largestOf } from "../value_map.js";

const MOST_CLASSES = 20; // of more, the most probable ones are shown

export class ClassRows {
  /** @param n How many classes there are. */
  constructor(look, n) {
    this.look = look;
    this.rows = Array.from({ length: Math.min(n, MOST_CLASSES) }, () => this.makeRow());
    this.element = make("div", { class: "flow-classes" }, ...this.rows.map(({ element }) => element));
    rove(this.element, 2)();
    if (n > MOST_CLASSES)
      this.element.append(make("p", { class: "soft" }, look.words("look.most_probable", { shown: MOST_CLASSES, n })));
  }

  makeRow() {
    const name = make("span", { class: "flow-name" }),
      bars = [make("i"), make("i")],
      numbers = [make("span"), make("span")];
    const one = { name, bars, numbers, category: 0 };
    one.buttons = ["logits", "softmax"].map((stage, i) =>
      button("", () => this.look.choose({ stage, category: one.category }, true), { class: `flow-${stage}` }),
    );
    one.buttons.forEach((made, i) =>
      made.append(make("span", { class: "track", "aria-hidden": "true" }, bars[i]), numbers[i]),
    );
    one.element = make("div", { class: "flow-class" }, name, ...one.buttons);
    return one;
  }

  /** Show what the network says of an image. */
  update(trace, view) {
    const { words } = this.look,
      { names } = trace.network;
    let order = names.map((_, i) => i);
    if (names.length > MOST_CLASSES) order = order.sort((a, b) => trace.probabilities[b] - trace.probabilities[a]);
    const most = largestOf(trace.logits);
    this.rows.forEach((one, row) => {
      const category = order[row],
        [logit, probability] = [trace.logits[category], trace.probabilities[category]];
      one.category = category;
      one.name.textContent = one.name.title = names[category];
      one.numbers[0].textContent = formatShort(logit);
      one.numbers[1].textContent = formatPercent(probability);
      one.bars[0].style.width = `${(100 * Math.abs(logit)) / most}%`;
      one.bars[0].classList.toggle("below", logit < 0);
      one.bars[1].style.width = `${100 * probability}%`;
      one.element.classList.toggle("best", category === trace.predicted);
      one.buttons.forEach((made, i) => {
        const stage = ["logits", "softmax"][i],
          text = [formatNumber(logit), formatPercent(probability)][i];
        made.title = words(`look.read.${stage}`, { name: names[category], value: text });
        made.setAttribute("aria-label", made.title);
        made.classList.toggle("chosen", view.stage === stage && view.category === category);
      });
    });
  }
}
