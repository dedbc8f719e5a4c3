// The runs that the page knows: the one under way, and earlier ones, whose curves stay for comparison.

const MOST_RUNS = 20; // of the newest; golmu.serve.live.live_run.MAX_RUNS
const COLOURS = 6; // after so many runs, colours come again; the number beside a curve tells them apart

const OPENED = 0; // the number of the run that the page was opened on, for every visitor

const ENOUGH_JUDGED = 400; // validation images, from whose answers the accuracy is estimated
const LONGEST_ESTIMATE = 0.5; // epochs of training over which they may have been judged
const ESTIMATED = ["training", "paused"]; // states in which it is; in others the epochs' ends say more
const MOST_ESTIMATES = 1000; // of that share in a curve

const NAMES = {
  settings: "settings", data_set: "dataSet", recipe: "recipe", seed: "seed", epochs: "epochs", batches: "batches", status: "status",
  epoch_steps: "epochSteps", train_losses: "trainLosses", val_losses: "valLosses", val_accuracies: "valAccuracies",
};

/** Return how many images a confusion matrix has on its diagonal. */
export function sumOfDiagonal({ values, shape: [side] }) {
  let right = 0;
  for (let i = 0; i < side; i++) right += values[i * side + i];
  return right;
}

/** A training: its settings and its curves. */
export class Run {
  constructor(key, number) {
    Object.assign(this, { key, number, colour: (number - 1) % COLOURS, isHidden: false });
    Object.assign(this, { settings: {}, dataSet: "", recipe: "", seed: 0, epochs: 0, batches: 1, status: "" });
    Object.assign(this, { liveAccuracies: [], judged: { pass: 0, n: 0, right: 0 }, recent: [] });
    this.curves = null; // as they are drawn, until the run changes
    Object.assign(this, { steps: [], losses: [], epochSteps: [], trainLosses: [], valLosses: [], valAccuracies: [] });
  }

  /** Take what a message of the server says of this run. */
  describe(message) {
    this.curves = null;
    for (const [told, name] of Object.entries(NAMES)) {
      if (message[told] !== undefined && message[told] !== null) this[name] = message[told];
    }
  }

  /** Take points of the curve of losses from the one numbered `first` on; those after it are out of date. */
  extend(first, steps, losses) {
    this.curves = null;
    this.steps.length = this.losses.length = Math.min(first, this.steps.length);
    for (let i = 0; i < losses.length; i++) {
      this.steps.push(steps[i]);
      this.losses.push(losses[i]);
    }
  }

  /**
   * Estimate the accuracy from the validation images that were judged last. It is that of the moment at which they were
   * judged on the average; where that took too long, the weights have changed too much, and there is none.
   */
  estimate({ steps, judging_pass: pass, n_judged: n, arrays: { confusion } }) {
    if (!confusion) return;
    this.curves = null;
    const right = sumOfDiagonal(confusion), known = pass === this.judged.pass ? this.judged : { n: 0, right: 0 };
    if (n > known.n) this.recent.push({ steps, n: n - known.n, right: right - known.right });
    this.judged = { pass, n, right };
    const total = (of) => this.recent.reduce((sum, one) => sum + of(one), 0), count = () => total((one) => one.n);
    while (this.recent.length > 1 && count() - this.recent[0].n >= ENOUGH_JUDGED) this.recent.shift();
    if (count() < ENOUGH_JUDGED || steps - this.recent[0].steps > LONGEST_ESTIMATE * this.batches) return;
    this.liveAccuracies.push([total((one) => one.n * one.steps) / count(), total((one) => one.right) / count()]);
    if (this.liveAccuracies.length > MOST_ESTIMATES) this.liveAccuracies = this.liveAccuracies.filter((_, i) => i % 2);
  }

  /** Return how many epochs each of these numbers of batches is, in rising order; epochs may differ in length. */
  epochsAt(steps) {
    const ends = this.epochSteps;
    let done = 0;
    return steps.map((step) => {
      while (done < ends.length && ends[done] <= step) done++;
      const start = done ? ends[done - 1] : 0, length = done < ends.length ? ends[done] - start : this.batches;
      return done + (step - start) / length;
    });
  }

  /** Return the losses as points [epochs, loss]. */
  get points() {
    return this.epochsAt(this.steps).map((x, i) => [x, this.losses[i]]);
  }

  /** Return the estimates of the accuracy as points [epochs, share]. */
  get estimates() {
    return this.epochsAt(this.liveAccuracies.map(([step]) => step)).map((x, i) => [x, this.liveAccuracies[i][1]]);
  }

  get hasDiverged() {
    return this.status === "diverged";
  }

  /** How many epochs were trained. */
  get epochsDone() {
    return this.epochsAt(this.steps.slice(-1))[0] ?? 0;
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
    const key = id === OPENED ? "opened" : `${this.app.socket.visitor}/${id}`;
    let run = this.list.find((one) => one.key === key);
    if (!run) this.list = [...this.list, (run = new Run(key, ++this.n))].slice(-MOST_RUNS);
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
  async receive(frame) {
    const run = this.find(frame.run), { steps, losses } = frame.arrays;
    await this.app.pace.draw(() => {
      run.describe(frame);
      run.extend(frame.first_point, steps.values, losses.values);
      if (ESTIMATED.includes(this.app.state.status)) run.estimate(frame);
      this.app.lastFrame = frame;
      this.app.emit("frame", frame);
    });
    this.app.socket.send({ do: "seen", frame: frame.frame, points: run.losses.length });
  }

  /** Forget the runs of which `isUnwanted` holds. */
  drop(isUnwanted) {
    this.list = this.list.filter((run) => !isUnwanted(run));
    this.app.emit("runs");
  }
}
