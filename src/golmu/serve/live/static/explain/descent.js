// Gradient descent on a curve with two valleys: where it ends depends on where it starts, and on the learning rate.

import { button, choice, slider } from "../controls.js";
import { make } from "../elements.js";
import { formatNumber } from "../numbers.js";
import { Plot, dragOn } from "./plot.js";

const STARTS = { good: -0.6, bad: 3.2 };
const REACH = 3.6; // of the drawing, to both sides
const LOST = 20; // beyond this, the steps only grow
const MOST_STEPS = 200;
const STILL = 0.002; // a slope that is as good as 0
const STEP_MS = 120;
const RATES = [0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.2, 2];
const DEEP_BELOW = 0.25; // the valleys are parted by the top between them

const loss = (w) => 0.05 * w ** 4 - 0.5 * w ** 2 + 0.25 * w + 2;
const slope = (w) => 0.2 * w ** 3 - w + 0.25;

export function explainDescent(words, signal) {
  let start = STARTS.good,
    path = [start],
    rate = 0.2,
    timer = null;
  const label = (name, values) => words(`explain.descent.${name}`, values);
  const plot = new Plot({ label: label("plot"), xs: [-REACH, REACH], ys: [0, 4.5], ticks: [1, 1] });
  plot.curve(loss, "plot-line");
  const trail = plot.curve([], "plot-trail"),
    tangent = plot.curve([], "plot-tangent"),
    ball = plot.point("plot-point", 7);
  const equation = make("p", { class: "equation" }),
    verdict = make("p", { class: "verdict", role: "status" });
  const begin = (w) => {
    stop();
    [start, path] = [w, [w]];
    starts.set(Object.keys(STARTS).find((name) => STARTS[name] === w) ?? null);
    update();
  };
  const starts = choice({
    label: label("start"),
    options: Object.keys(STARTS).map((name) => [name, label(name)]),
    value: "good",
    changed: (name) => begin(STARTS[name]),
  });
  const speed = slider({
    label: label("rate"),
    low: 0,
    high: RATES.length - 1,
    step: 1,
    value: RATES.indexOf(rate),
    format: (i) => String(RATES[i]),
    changed: (i) => {
      rate = RATES[i];
      update();
    },
  });
  const run = button(label("run"), () => (timer === null ? go() : stop()));
  const buttons = [button(label("step"), () => step()), run, button(label("again"), () => begin(start))];
  dragOn(plot, (w) => begin(Math.round(10 * w) / 10));
  signal.addEventListener("abort", () => clearInterval(timer));

  const isLost = () => Math.abs(path.at(-1)) > LOST;
  const isDone = () => isLost() || Math.abs(slope(path.at(-1))) < STILL || path.length > MOST_STEPS;

  function step() {
    if (isDone()) stop();
    else path.push(path.at(-1) - rate * slope(path.at(-1)));
    update();
  }

  function go() {
    if (isDone()) begin(start);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      while (!isDone()) step();
      return;
    }
    timer = setInterval(step, STEP_MS);
    run.textContent = label("pause");
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    run.textContent = label("run");
  }

  function describe() {
    if (isLost()) return label("lost", { rate });
    if (Math.abs(slope(path.at(-1))) >= STILL) return path.length > MOST_STEPS ? label("slow", { n: MOST_STEPS }) : "";
    return label(path.at(-1) < DEEP_BELOW ? "deep" : "stuck", {
      n: path.length - 1,
      loss: formatNumber(loss(path.at(-1)), 2),
    });
  }

  function update() {
    const w = path.at(-1),
      own = slope(w),
      change = rate * own,
      two = (number) => (number && Math.abs(number) < 0.005 ? number.toFixed(4).replace("-", "−") : formatNumber(number, 2));
    plot.redraw(
      trail,
      path.map((one) => [one, loss(one)]),
    );
    plot.redraw(
      tangent,
      [w - 0.7, w + 0.7].map((at) => [at, loss(w) + own * (at - w)]),
    );
    ball.move(Math.min(Math.max(w, -REACH), REACH), loss(w));
    equation.textContent = `w ← ${two(w)} − ${rate} · (${two(own)}) = ${two(w)} ${change > 0 ? "−" : "+"} ${two(Math.abs(change))} = ${two(w - change)}`;
    verdict.textContent = describe();
  }

  update();
  return [
    make(
      "div",
      { class: "beside-plot" },
      make("div", {}, plot.element),
      make(
        "div",
        {},
        make("div", { class: "controls" }, starts.element),
        speed.element,
        make("div", { class: "controls" }, ...buttons),
        equation,
        verdict,
        explainGlorot(label),
      ),
    ),
  ];
}

/** Say from which range the chapter's weights are drawn: U(−a, a) with a = √(6 / (fan_in + fan_out)). */
function explainGlorot(label) {
  const layers = { conv: [9, 90], w1: [1960, 100], w2: [100, 10] };
  const rows = Object.entries(layers).map(([name, [into, out]]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, label(name)),
      make("td", {}, `√(6 / (${into} + ${out}))`),
      make("td", {}, `±${formatNumber(Math.sqrt(6 / (into + out)))}`),
    ),
  );
  return make(
    "details",
    {},
    make("summary", {}, label("glorot")),
    make("p", {}, label("glorot_text")),
    make("table", { class: "tape" }, make("tbody", {}, ...rows)),
  );
}
