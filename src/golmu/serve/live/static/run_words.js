// The settings of a run in a few words: what differs from its recipe.

import { FIELDS, USUAL_SEED } from "./settings.js";

const WHOLE = ["finished", "diverged"]; // states in which a run has come to its own end

const asText = (value) => (Array.isArray(value) ? value.join(", ") : value);

/** Return the value of a setting in words. */
export function valueInWords(app, name, value) {
  if (name === "optimizer") return app.words(`field.optimizer.${value}`);
  return typeof value === "number" ? app.number(value, 6) : String(asText(value));
}

/** Return the data set, the recipe and all that differs from it; and where a run was stopped before its end. */
export function describeRun(app, run) {
  const recipe = app.hello?.recipes[run.recipe] ?? {};
  const changes = FIELDS.filter((name) => run.settings[name] !== undefined && String(run.settings[name]) !== String(recipe[name]));
  const words = changes.map((name) => `${app.words(`field.${name}`)} ${valueInWords(app, name, run.settings[name])}`);
  if (run.seed !== USUAL_SEED) words.push(`${app.words("field.seed")} ${run.seed}`);
  if (run !== app.runs.current && !WHOLE.includes(run.status)) {
    words.push(app.words("chart.stopped", { done: app.number(run.epochsDone, 1), epochs: run.epochs }));
  }
  return [app.titleOf(run.dataSet), run.recipe, ...words].filter(Boolean).join(" · ");
}
