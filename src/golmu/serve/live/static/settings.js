// The settings of the next training: a data set, a recipe, what differs from the recipe, and a seed. They live in the
// address of the page.

/** Settings that the form has, in its order. Others, such as a schedule, are the recipe's. */
export const FIELDS = [
  "n_kernels", "units", "learning_rate", "optimizer", "batch_size", "epochs", "feature_dropout", "hidden_dropout", "shift",
];

export const MAX_BLOCKS = 4; // golmu.architecture.MAX_BLOCKS

export const USUAL_SEED = 42;

/** Return what a setting is in an address: the kernels of several blocks as 16,32. */
const asText = (value) => (Array.isArray(value) ? value.join(",") : String(value));

/** Return a setting of an address; null if it cannot be one. */
function fromText(name, text) {
  if (name === "optimizer") return text;
  const numbers = text.split(",").map(Number);
  if (text === "" || numbers.some((number) => !Number.isFinite(number))) return null;
  return numbers.length > 1 && name === "n_kernels" ? numbers : numbers[0];
}

/** The settings of the next training. A change is told as the event "settings" of the app. */
export class Settings {
  constructor(app) {
    this.app = app;
    app.address.addEventListener("change", () => {
      this.readAddress();
      app.emit("settings");
    });
  }

  /**
   * Take what the address says, and the server's defaults for the rest. An address without settings means those of the
   * run that the page was opened on.
   */
  readAddress() {
    const { address, hello } = this.app, names = hello.data_sets.map(({ name }) => name);
    this.dataSet = names.includes(address.get("data")) ? address.get("data") : hello.data_set;
    this.recipe = Object.hasOwn(hello.recipes, address.get("recipe")) ? address.get("recipe") : this.usualRecipe;
    this.seed = Math.trunc(fromText("seed", address.get("seed", "")) ?? USUAL_SEED);
    this.changes = {};
    for (const name of FIELDS) {
      const value = address.get(name) === null ? null : fromText(name, address.get(name));
      if (value !== null) this.keep(name, value);
    }
    const opened = hello.runs.find(({ id }) => id === hello.run);
    if (opened && !["data", "recipe", "seed", ...FIELDS].some((name) => address.get(name) !== null)) this.take(opened);
  }

  /** Take the settings of a run. */
  take({ data_set: dataSet, recipe, settings, seed }) {
    if (this.app.hello.data_sets.some(({ name }) => name === dataSet)) this.dataSet = dataSet;
    if (Object.hasOwn(this.app.hello.recipes, recipe)) this.recipe = recipe;
    [this.seed, this.changes] = [seed, {}];
    for (const name of FIELDS) this.keep(name, settings[name]);
  }

  /** The description of the data set. */
  get data() {
    return this.app.hello.data_sets.find(({ name }) => name === this.dataSet);
  }

  get usualRecipe() {
    const { hello } = this.app;
    return this.data.recipe ?? hello.recipe ?? Object.keys(hello.recipes)[0];
  }

  /** Return the value of a field, as changed or as the recipe has it. */
  get(name) {
    return this.changes[name] ?? this.app.hello.recipes[this.recipe][name];
  }

  keep(name, value) {
    if (asText(value) === asText(this.app.hello.recipes[this.recipe][name])) delete this.changes[name];
    else this.changes[name] = value;
  }

  /** Change a field; the value that the recipe has is no change. */
  set(name, value) {
    this.keep(name, value);
    this.write();
  }

  choose({ dataSet, recipe, seed }) {
    if (dataSet !== undefined) {
      this.dataSet = dataSet;
      [this.recipe, this.changes] = [this.usualRecipe, {}];
    }
    if (recipe !== undefined) [this.recipe, this.changes] = [recipe, {}];
    if (seed !== undefined) this.seed = seed;
    this.write();
  }

  write() {
    const changed = FIELDS.map((name) => [name, name in this.changes ? asText(this.changes[name]) : null]);
    const seed = this.seed === USUAL_SEED ? null : this.seed;
    this.app.address.set({ data: this.dataSet, recipe: this.recipe, seed, ...Object.fromEntries(changed) });
    this.app.emit("settings");
  }

  /** What the server takes with "start". */
  get message() {
    return { data_set: this.dataSet, recipe: this.recipe, settings: this.changes, seed: this.seed };
  }

  /** Whether a run has been trained with these settings. */
  areThoseOf(run) {
    const isSame = FIELDS.every((name) => run.settings[name] === undefined || asText(run.settings[name]) === asText(this.get(name)));
    return isSame && run.dataSet === this.dataSet && run.recipe === this.recipe && run.seed === this.seed;
  }
}
