// What a training that goes wrong teaches: one that diverges, one whose first steps were so large that it answers like a
// coin, and one whose steps are so small that nothing happens.

import { make } from "./elements.js";

const CHANCE = 1.3; // times the accuracy of a coin with as many sides as there are classes: no better than that
const JUMP = 1.5; // times the first loss: steps that come so high are too large
const UNMOVED = 0.97; // of the loss of a coin
const FEWEST_EPOCHS = 2; // before a training is called slow

/** Return what is wrong with a run: "diverged", "stuck", "slow", or null. */
export function whatIsWrong(run, status, nClasses) {
  if (status === "diverged") return "diverged";
  const accuracy = run?.valAccuracies.at(-1), coin = Math.log(nClasses);
  if (accuracy === undefined || accuracy > CHANCE / nClasses || run.valLosses.at(-1) < UNMOVED * coin) return null;
  const highest = run.losses.reduce((high, loss) => Math.max(high, loss), 0);
  if (highest > JUMP * Math.max(run.losses[0], coin)) return "stuck";
  return run.valLosses.length >= FEWEST_EPOCHS ? "slow" : null;
}

/** Start the advice under the controls. */
export function startAdvice(app) {
  const advice = make("div", { class: "advice", id: "advice", hidden: "" });
  let shown = "";

  function show() {
    const { state } = app, run = app.runs.current, rate = run?.settings.learning_rate;
    const wrong = whatIsWrong(run, state.status, app.classNames.length), key = `${wrong} ${run?.key}`;
    advice.hidden = wrong === null;
    if (wrong === null || shown === key) {
      if (wrong === null) shown = "";
      return;
    }
    shown = key;
    const title = make("b"), why = make("p"), link = make("button", { type: "button", class: "link" });
    const number = (value) => app.number(Number(value.toPrecision(3)), 12);
    app.put(title, `run.${wrong}_title`, { batch: state.bad_batch, chance: app.percent(1 / app.classNames.length) });
    app.put(why, `run.${wrong}_why`, { rate: number(rate), less: number(rate / 10), more: number(rate * 10) });
    app.put(link, "run.wrong_look");
    link.addEventListener("click", () => app.open("explain", { piece: "descent" }));
    advice.replaceChildren(title, why, link);
    app.announce(title.textContent);
  }

  for (const name of ["state", "frame", "runs"]) app.addEventListener(name, show);
  return advice;
}
