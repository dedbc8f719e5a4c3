// Softmax: from any numbers to shares of 1, and from the share of the right class to the loss.

import { button, choice, slider } from "../controls.js";
import { make } from "../elements.js";
import { formatNumber, formatPercent } from "../numbers.js";
import { softmax } from "../shared/network.js";

const LOGITS = [2, 1, -1, 0];
const REACH = 8;

export function explainSoftmax(words) {
  let logits = [...LOGITS],
    target = 0;
  const label = (name, values) => words(`explain.softmax.${name}`, values);
  const names = logits.map((_, i) => label(`class_${i + 1}`));
  const rows = names.map((name, i) => {
    const bar = make("i"),
      [power, share] = [make("td", { class: "number" }), make("td", { class: "number" })];
    const control = slider({
      label: name,
      low: -REACH,
      high: REACH,
      step: 0.1,
      value: logits[i],
      format: (logit) => formatNumber(logit, 1),
      changed: (logit) => {
        logits[i] = logit;
        update();
      },
    });
    const element = make(
      "tr",
      {},
      make("td", {}, control.element),
      power,
      make("td", { class: "share" }, make("span", { class: "track", "aria-hidden": "true" }, bar)),
      share,
    );
    return { element, bar, power, share, set: control.set };
  });
  const head = ["logit", "power", "bar", "share"].map((name) => make("th", { scope: "col" }, label(name)));
  const sum = make("p", { class: "equation" }),
    loss = make("p", { class: "equation" }),
    note = make("p", { class: "soft", role: "status" });
  const change = (act, name) =>
    button(label(name), () => {
      logits = logits.map((logit) => Math.min(Math.max(Math.round(10 * act(logit)) / 10, -REACH), REACH));
      rows.forEach(({ set }, i) => set(logits[i]));
      update();
      note.textContent = label(`${name}_note`);
    });
  const restore = button(label("reset"), () => {
    logits = [...LOGITS];
    rows.forEach(({ set }, i) => set(logits[i]));
    update();
  });
  const targets = choice({
    label: label("target"),
    options: names.map((name, i) => [i, name]),
    value: target,
    changed: (next) => {
      target = next;
      update();
    },
  });

  function update() {
    const shares = softmax(logits),
      powers = logits.map(Math.exp),
      three = (number) => formatNumber(number, 2);
    rows.forEach(({ bar, power, share, element }, i) => {
      power.textContent = three(powers[i]);
      share.textContent = formatPercent(shares[i]);
      bar.style.width = `${100 * shares[i]}%`;
      element.classList.toggle("best", shares[i] === Math.max(...shares));
    });
    sum.textContent = `${powers.map(three).join(" + ")} = ${three(powers.reduce((a, b) => a + b))}`;
    loss.textContent = `−log(${formatNumber(shares[target])}) = ${formatNumber(-Math.log(shares[target]))}`;
    note.textContent = "";
  }

  update();
  return [
    make(
      "table",
      { class: "softmax" },
      make("thead", {}, make("tr", {}, ...head)),
      make("tbody", {}, ...rows.map(({ element }) => element)),
    ),
    sum,
    make(
      "div",
      { class: "controls" },
      change((logit) => logit + 1, "shift"),
      change((logit) => 2 * logit, "double"),
      restore,
    ),
    note,
    make("div", { class: "controls" }, make("span", { class: "soft" }, label("target")), targets.element),
    make("p", { class: "soft" }, label("loss")),
    loss,
  ];
}
