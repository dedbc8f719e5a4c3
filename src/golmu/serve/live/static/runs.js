// The runs that the page knows: the one under way, and earlier ones, whose curves stay for comparison.

const COLOURS = 6; // after so many runs, colours come again; the number beside a curve tells them apart

/** A training: its settings and its curves. */
export class Run {
  constructor(key, number) {
    Object.assign(this, { key, number, colour: (number - 1) % COLOURS, isHidden: false, settings: {}, dataSet: "", recipe: "", seed: 0 });
    Object.assign(this, { steps: [], losses: [], trainLosses: [], valLosses: [], valAccuracies: [], batches: 1, epochs: 0, status: "" });
  }

  /** Take what a message of the server says of this run. */
  describe({ settings, data_set, recipe, seed, epochs, batches, status }) {
    const told = { settings, dataSet: data_set, recipe, seed, epochs, batches, status };
    for (const [name, value] of Object.entries(told)) if (value !== undefined && value !== null) this[name] = value;
  }

  /** Take points of the curve of losses from the one numbered `first` on; those after it are out of date. */
  extend(first, steps, losses) {
    this.steps.length = this.losses.length = Math.min(first, this.steps.length);
    for (let i = 0; i < losses.length; i++) {
      this.steps.push(steps[i]);
      this.losses.push(losses[i]);
    }
  }

  /** Take the scores of the epochs that are complete. */
  score({ train_losses, val_losses, val_accuracies }) {
    if (train_losses) this.trainLosses = train_losses;
    if (val_losses) this.valLosses = val_losses;
    if (val_accuracies) this.valAccuracies = val_accuracies;
  }

  get hasPoints() {
    return this.losses.length > 0 || this.valLosses.length > 0;
  }
}

/** All runs, in the order in which they began. Every change is told as the event "runs" of the app. */
export class Runs {
  constructor(app) {
    Object.assign(this, { app, list: [], current: null, n: 0 });
    app.socket.on("hello", ({ runs = [] }) => this.restore(runs));
    app.socket.on("state", (state) => this.follow(state));
    app.socket.on("frame", (frame) => this.receive(frame));
  }

  /** Return the run that the server calls so; it is a new one if the page has not heard of it. */
  find(id) {
    const key = `${this.app.socket.visitor}/${id}`;
    let run = this.list.find((one) => one.key === key);
    if (!run) this.list.push((run = new Run(key, ++this.n)));
    return run;
  }

  /** Take the runs that the server has kept. */
  restore(kept) {
    for (const one of kept) {
      const run = this.find(one.id);
      run.describe(one);
      run.score(one);
      if (one.losses) run.extend(0, one.steps ?? one.losses.map((_, i) => i), one.losses);
    }
    this.app.emit("runs");
  }

  follow(state) {
    const hasRun = state.run !== null && state.run !== undefined;
    this.current = hasRun ? this.find(state.run) : null;
    this.current?.describe(state);
    this.drop((run) => run !== this.current && !run.hasPoints);
  }

  /** Take a frame, and say so when the page has had time to show it: then comes the next one. */
  receive(frame) {
    const run = (this.current = this.find(frame.run)), { steps, losses } = frame.arrays;
    run.describe(frame);
    run.score(frame);
    if (losses) run.extend(frame.first_point ?? 0, steps.values, losses.values);
    this.app.emit("frame", frame);
    requestAnimationFrame(() => this.app.socket.send({ do: "seen", frame: frame.frame, points: run.losses.length }));
  }

  /** Forget the runs of which `isUnwanted` holds. */
  drop(isUnwanted) {
    this.list = this.list.filter((run) => !isUnwanted(run));
    this.app.emit("runs");
  }
}
