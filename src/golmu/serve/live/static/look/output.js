// The stages of the output: a logit as the sum of what the hidden units add to it, and the softmax of all logits.

import { make } from "../elements.js";
import { formatAddend, formatNumber, formatPercent } from "../numbers.js";
import { ValueMap } from "../value_map.js";
import { UNIT_COLUMNS, unitsMap } from "./units.js";

const STRONGEST = 8; // units that are listed
const MOST_CLASSES = 20; // of more, the most probable ones are listed

export class LogitsPanel {
  constructor(look) {
    const { words, keys } = look;
    Object.assign(this, { look, words });
    this.category = make("select");
    this.category.addEventListener("change", () => look.choose({ category: Number(this.category.value) }));
    this.products = new ValueMap({
      label: words("look.logits.products"),
      keys,
      pointed: ({ y, x, byKey }) => {
        look.choose({ unit: Math.min(y * UNIT_COLUMNS + x, this.n - 1) });
        if (byKey) look.say(() => this.reading.textContent);
      },
    });
    this.list = make("tbody");
    this.equation = make("p", { class: "equation" });
    this.reading = make("p", { class: "reading" });
    this.mirror = make("p", { class: "soft" });
    const head = ["unit", "activation", "weight", "product"].map((name) =>
      make("th", { scope: "col" }, words(`look.logits.${name}`)),
    );
    this.element = make(
      "div",
      {},
      make("p", {}, words("look.logits.text")),
      make("div", { class: "controls" }, make("label", {}, `${words("look.class")} `, this.category)),
      this.equation,
      this.mirror,
      make(
        "div",
        { class: "stage-logits" },
        make(
          "figure",
          { class: "stage-map" },
          make("figcaption", {}, words("look.logits.products")),
          this.products.element,
          this.reading,
        ),
        make(
          "figure",
          {},
          make("figcaption", {}, words("look.logits.strongest")),
          make("table", { class: "numbers" }, make("thead", {}, make("tr", {}, ...head)), this.list),
        ),
      ),
    );
  }

  update(trace, { category, unit }) {
    const { network, hidden, ownLogits, mirroredLogits, logits } = trace,
      { names } = network,
      products = trace.classProducts(category),
      weights = trace.classWeights(category);
    if (this.names !== names)
      this.category.replaceChildren(...names.map((name, i) => make("option", { value: i }, name)));
    Object.assign(this, { names, n: hidden.length });
    this.category.value = category;
    const columns = Math.min(UNIT_COLUMNS, this.n),
      bias = network.weights.b2[category];
    this.products.showValues(unitsMap(products));
    this.products.mark({ y: Math.floor(unit / columns), x: unit % columns });
    const line = (one) => [formatNumber(hidden[one]), formatNumber(weights[one]), formatNumber(products[one])];
    const [activation, weight, product] = line(unit);
    this.reading.textContent = this.words("look.logits.reading", {
      unit: unit + 1,
      value: `${activation} × ${weight} = ${product}`,
    });
    this.equation.textContent = this.words("look.logits.equation", {
      name: names[category],
      sum: formatNumber(ownLogits[category] - bias),
      bias: formatAddend(bias),
      logit: formatNumber(ownLogits[category]),
    });
    this.mirror.hidden = mirroredLogits === null;
    if (mirroredLogits) {
      const values = { own: ownLogits[category], other: mirroredLogits[category], mean: logits[category] };
      this.mirror.textContent = this.words(
        "look.logits.mirror",
        Object.fromEntries(Object.entries(values).map(([name, value]) => [name, formatNumber(value)])),
      );
    }
    const order = Array.from(products.keys())
      .sort((a, b) => Math.abs(products[b]) - Math.abs(products[a]))
      .slice(0, STRONGEST);
    this.list.replaceChildren(
      ...order.map((one) =>
        make(
          "tr",
          { class: one === unit ? "best" : "" },
          make("th", { scope: "row" }, String(one + 1)),
          ...line(one).map((text) => make("td", {}, text)),
        ),
      ),
    );
  }
}

export class SoftmaxPanel {
  constructor(look) {
    const { words } = look;
    Object.assign(this, { words });
    this.rows = make("tbody");
    this.equation = make("p", { class: "equation" });
    this.part = make("p", { class: "soft" });
    const head = ["class", "logit", "power", "share"].map((name) =>
      make("th", { scope: "col" }, words(`look.softmax.${name}`)),
    );
    this.element = make(
      "div",
      {},
      make("p", {}, words("look.softmax.text")),
      make("table", { class: "numbers" }, make("thead", {}, make("tr", {}, ...head, make("td"))), this.rows),
      this.part,
      this.equation,
    );
  }

  update(trace, { category }) {
    const { logits, probabilities, network } = trace,
      largest = logits.reduce((a, b) => Math.max(a, b));
    const powers = logits.map((logit) => Math.exp(logit - largest)),
      total = powers.reduce((a, b) => a + b);
    let order = Array.from(logits.keys());
    this.part.hidden = order.length <= MOST_CLASSES;
    this.part.textContent = this.words("look.most_probable", { shown: MOST_CLASSES, n: order.length });
    if (order.length > MOST_CLASSES) order = order.sort((a, b) => logits[b] - logits[a]).slice(0, MOST_CLASSES);
    this.rows.replaceChildren(
      ...order.map((i) => {
        const cells = [formatNumber(logits[i]), formatNumber(powers[i], 4), formatPercent(probabilities[i])].map(
          (text) => make("td", {}, text),
        );
        const bar = make("i"),
          track = make("td", { class: "bar" }, make("span", { class: "track", "aria-hidden": "true" }, bar));
        bar.style.width = `${100 * probabilities[i]}%`;
        return make(
          "tr",
          { class: i === category ? "best" : "" },
          make("th", { scope: "row" }, network.names[i]),
          ...cells,
          track,
        );
      }),
    );
    this.equation.textContent = this.words("look.softmax.equation", {
      name: network.names[category],
      power: formatNumber(powers[category], 4),
      total: formatNumber(total, 4),
      share: formatPercent(probabilities[category]),
    });
  }
}
