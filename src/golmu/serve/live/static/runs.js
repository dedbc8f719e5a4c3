// The runs that the page knows: the one under way, and earlier ones, whose curves stay for comparison.

const COLOURS = 6; // after so many runs, colours come again; the number beside a curve tells them apart

const FEWEST_JUDGED = 200; // validation images, whose share of right answers is shown
const MOST_ESTIMATES = 1000; // of that share in a curve

const NAMES = {
  settings: "settings", data_set: "dataSet", recipe: "recipe", seed: "seed", epochs: "epochs", batches: "batches", status: "status",
  epoch_steps: "epochSteps", train_losses: "trainLosses", val_losses: "valLosses", val_accuracies: "valAccuracies",
};

/** A training: its settings and its curves. */
export class Run {
  constructor(key, number) {
    Object.assign(this, { key, number, colour: (number - 1) % COLOURS, isHidden: false });
    Object.assign(this, { settings: {}, dataSet: "", recipe: "", seed: 0, epochs: 0, batches: 1, status: "" });
    Object.assign(this, { liveAccuracies: [], steps: [], losses: [], epochSteps: [], trainLosses: [], valLosses: [], valAccuracies: [] });
  }

  /** Take what a message of the server says of this run. */
  describe(message) {
    for (const [told, name] of Object.entries(NAMES)) {
      if (message[told] !== undefined && message[told] !== null) this[name] = message[told];
    }
  }

  /** Take points of the curve of losses from the one numbered `first` on; those after it are out of date. */
  extend(first, steps, losses) {
    this.steps.length = this.losses.length = Math.min(first, this.steps.length);
    for (let i = 0; i < losses.length; i++) {
      this.steps.push(steps[i]);
      this.losses.push(losses[i]);
    }
  }

  /** Take the share of the validation images judged so far that is right, if they are many enough to say something. */
  estimate({ steps, n_judged: n, n_validation: all, arrays: { confusion } }) {
    if (!confusion || n < Math.min(FEWEST_JUDGED, all)) return;
    const side = confusion.shape[0];
    let right = 0;
    for (let i = 0; i < side; i++) right += confusion.values[i * side + i];
    this.liveAccuracies.push([steps, right / n]);
    if (this.liveAccuracies.length > MOST_ESTIMATES) this.liveAccuracies = this.liveAccuracies.filter((_, i) => i % 2);
  }

  /** Return how many epochs so many batches are; an epoch may have more batches than the next. */
  epochsAt(step) {
    const ends = [0, ...this.epochSteps], next = ends.findIndex((end) => end >= step);
    if (next > 0) return next - 1 + (step - ends[next - 1]) / (ends[next] - ends[next - 1]);
    return next === 0 ? 0 : ends.length - 1 + (step - ends.at(-1)) / this.batches;
  }

  get hasDiverged() {
    return this.status === "diverged";
  }

  /** Whether it has come far enough to be compared with others: a run that diverges at once has. */
  get isListed() {
    return this.losses.length > 0 || this.valLosses.length > 0 || this.hasDiverged;
  }
}

/** All runs, in the order in which they began. Every change is told as the event "runs" of the app. */
export class Runs {
  constructor(app) {
    Object.assign(this, { app, list: [], current: null, n: 0 });
    app.socket.on("hello", ({ runs = [] }) => runs.forEach((run) => this.take(run)));
    app.socket.on("run", ({ run }) => this.take(run));
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

  /** Take a run with its whole curve. */
  take(whole) {
    const run = this.find(whole.id);
    run.describe(whole);
    run.extend(0, whole.steps, whole.losses);
    this.app.emit("runs");
  }

  follow(state) {
    this.current = state.run === null ? null : this.find(state.run);
    this.current?.describe(state);
    this.drop((run) => run !== this.current && !run.isListed);
  }

  /** Take a frame, and say so when the page has had time to show it: then comes the next one. */
  receive(frame) {
    const run = this.find(frame.run), { steps, losses } = frame.arrays;
    run.describe(frame);
    run.extend(frame.first_point, steps.values, losses.values);
    run.estimate(frame);
    this.app.lastFrame = frame;
    this.app.emit("frame", frame);
    requestAnimationFrame(() => this.app.socket.send({ do: "seen", frame: frame.frame, points: run.losses.length }));
  }

  /** Forget the runs of which `isUnwanted` holds. */
  drop(isUnwanted) {
    this.list = this.list.filter((run) => !isUnwanted(run));
    this.app.emit("runs");
  }
}
