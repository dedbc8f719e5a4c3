// The two charts of the tab Train, and the list of runs under them.

import { Chart } from "./chart.js";
import { colourOf, make, replaceInPlace } from "./elements.js";
import { describeRun } from "./run_words.js";

const FEWEST_SMOOTHED = 30; // points, from which on the losses of batches are drawn smoothed too
const CEILING = 3; // times the first loss: what a run that goes wrong has above is not drawn, so that others can be seen
const HARDER = ["label_smoothing", "feature_dropout", "hidden_dropout", "shift", "flip", "erase"]; // settings, only in training
const COLOURS = ["--run-1", "--run-2", "--run-3", "--run-4", "--run-5", "--run-6"];

/** Return points with each value the mean of those around it. */
function smooth(points) {
  const reach = Math.max(1, Math.round(points.length / 60)), sums = [0];
  for (const [, y] of points) sums.push(sums.at(-1) + (Number.isFinite(y) ? y : 0));
  return points.map(([x], i) => {
    const from = Math.max(0, i - reach), end = Math.min(points.length, i + reach + 1);
    return [x, (sums[end] - sums[from]) / (end - from)];
  });
}

/** Return the points of a run's curves; those of a run that rests are the same each time. */
function curvesOf(run) {
  if (!run.curves) {
    const { points } = run, atEpochs = (values) => values.map((y, i) => [i + 1, y ?? NaN]);
    const training = points.length >= FEWEST_SMOOTHED ? smooth(points) : points;
    const [losses, accuracies] = [run.valLosses, run.valAccuracies].map(atEpochs);
    run.curves = { points, training, losses, accuracies, estimates: run.estimates };
  }
  return run.curves;
}

/** Return the smallest loss with which a curve begins. */
const firstLoss = (curves) => Math.min(...curves.map(({ points }) => points.find(([, y]) => Number.isFinite(y))?.[1] ?? Infinity));

/** Whether a run's training loss is of a harder task than its validation loss. */
const isTrainedHarder = ({ settings }) => HARDER.some((name) => settings[name] > 0 || settings[name] === true);

/** Start the charts and the list of runs. */
export function startCurves(app, signal) {
  const percent = (share) => app.percent(share);
  const loss = new Chart({
    app, signal, title: "chart.loss_words", format: (value) => app.number(value, 3), tick: (value) => app.number(value, 3),
    limits: (low, high, curves) => [0, Math.min(high, CEILING * firstLoss(curves)) * 1.05 || 1],
  });
  const accuracy = new Chart({
    app, signal, title: "chart.accuracy_words", format: percent, tick: (value) => `${app.number(100 * value, 1)} %`,
    limits: (low, high) => {
      const room = 0.1 * (high - low) + 0.01;
      return [Math.max(0, low - room), Math.min(1, high + room)];
    },
  });
  const list = make("ul", { class: "runs", "aria-label": app.words("chart.runs") });
  const empty = make("p", { class: "soft chart-empty" }, app.words("chart.empty"));
  const mark = (kind) => make("i", { class: `key-${kind}` });
  const estimated = make("span", { hidden: "" }, mark("faint"), app.words("chart.estimated"));
  const key = make(
    "p", { class: "chart-key soft" },
    make("span", {}, mark("line"), app.words("chart.training")), make("span", {}, mark("marks"), app.words("chart.validation")), estimated,
  );
  const harder = make("p", { class: "soft", hidden: "" }, app.words("chart.harder"));
  const element = make(
    "section", { class: "card" },
    make("div", { class: "charts" },
      make("div", {}, make("h2", {}, app.words("chart.loss")), loss.element),
      make("div", {}, make("h2", {}, app.words("chart.accuracy")), accuracy.element)),
    make("div", { class: "under-charts" }, key, harder, empty, list),
  );

  let isWaiting = false;

  /** Draw before the next frame of the screen, however often that is asked for. */
  function drawSoon() {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      if (app.tab === "train") draw();
    });
  }

  function draw() {
    const shown = app.runs.list.filter((run) => run.isListed && !run.isHidden);
    const lastX = Math.max(1, ...shown.map((run) => run.epochsDone));
    const common = (run) => {
      const { number, hasDiverged, colour } = run;
      return { number, hasDiverged, colour: colourOf(COLOURS[colour]), isCurrent: run === app.runs.current };
    };
    loss.show(
      shown.flatMap((run) => {
        const { points, training, losses } = curvesOf(run);
        return [
          { ...common(run), points, style: "faint" },
          { ...common(run), points: training, style: "line", name: app.words("chart.training") },
          { ...common(run), points: losses, style: "marks", isValidation: true, name: app.words("chart.validation") },
        ];
      }),
      lastX,
    );
    accuracy.show(
      shown.flatMap((run) => [
        { ...common(run), points: curvesOf(run).estimates, style: "faint", isValidation: true },
        { ...common(run), points: curvesOf(run).accuracies, style: "marks", isValidation: true },
      ]),
      lastX,
    );
    empty.hidden = shown.length > 0;
    key.hidden = shown.length === 0;
    harder.hidden = !shown.some(isTrainedHarder);
    estimated.hidden = !shown.some((run) => run.liveAccuracies.length > 1);
  }

  function highlight(number) {
    loss.highlight(number);
    accuracy.highlight(number);
  }

  /** Write the list of runs: each can be pointed at, hidden and removed. */
  function listRuns() {
    replaceInPlace(list, ...app.runs.list.filter((run) => run.isListed).map(makeItem));
    list.hidden = list.children.length === 0;
  }

  function makeItem(run) {
    const isCurrent = run === app.runs.current, mark = make("i", { class: "run-mark" }, String(run.number));
    mark.style.background = colourOf(COLOURS[run.colour]);
    const accuracy = run.valAccuracies.length ? app.percent(run.valAccuracies.at(-1)) : "–";
    const result = make("b", { class: "number" }, run.hasDiverged ? app.words("run.diverged") : accuracy);
    const attributes = { type: "button", class: "run-name", "aria-pressed": String(!run.isHidden), title: app.words("chart.hide", { run: run.number }) };
    const name = make("button", attributes, mark, make("span", {}, describeRun(app, run)), result);
    name.addEventListener("click", () => {
      run.isHidden = !run.isHidden;
      app.emit("runs");
    });
    for (const [event, number] of [["pointerenter", run.number], ["focus", run.number], ["pointerleave", null], ["blur", null]]) {
      name.addEventListener(event, () => highlight(number));
    }
    const item = make("li", {}, name);
    if (!isCurrent) {
      const label = app.words("chart.remove", { run: run.number });
      const remove = make("button", { type: "button", class: "run-remove", "aria-label": label }, "×");
      remove.addEventListener("click", () => app.runs.drop((one) => one === run));
      item.append(remove);
    }
    return item;
  }

  let written = ""; // what the list shows, so that it is written again only when that changes

  function update() {
    drawSoon();
    const { list: runs, current } = app.runs;
    const state = JSON.stringify(runs.map((run) => [run.number, run.isListed, run.isHidden, run.status, run.valAccuracies.at(-1), run === current]));
    if (state === written) return;
    written = state;
    listRuns();
  }

  for (const name of ["runs", "frame"]) app.addEventListener(name, update, { signal });
  app.addEventListener("theme", () => {
    written = "";
    update();
  }, { signal });
  update();
  return { element, show: update };
}
