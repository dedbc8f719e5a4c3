// The controls of the training, which all tabs but Explain show: train, pause, step, start again; and where it stands.

import { startAdvice } from "./advice.js";
import { make } from "./elements.js";
import { icon } from "./icons.js";
import { refusalInWords } from "./refusals.js";

const RUNNING = ["loading", "waiting", "training"]; // in these the large button pauses

const ENDED = ["finished", "diverged", "failed"]; // in these a step would begin another training, and lose the network

/** Return a button with an icon; its words come from `app.put`. */
function makeButton(name, className = "") {
  return make("button", { type: "button", id: `run-${name}`, class: `round ${className}` }, icon(name));
}

/** Return the words for the state of the training, and what stands in them. */
function describe(app) {
  const { state: { status, place, message }, openedRun } = app;
  if (openedRun) return ["run.opened", { name: openedRun.title }];
  if (status === "waiting") return ["run.waiting", { place }];
  if (status === "failed") return ["run.failed", { message: refusalInWords(app, message) }];
  return [`run.${status}`, {}];
}

/** Start the controls. */
export function startTransport(root, app) {
  const play = makeButton("play", "large"), batch = makeButton("step"), epoch = makeButton("epoch"), reset = makeButton("reset");
  const status = make("p", { class: "run-status", id: "run-status" }), bar = make("i");
  const numberOf = (name) => [name, make("b", { id: `run-${name}-now` }, "–")];
  const numbers = Object.fromEntries(["epoch", "loss", "accuracy", "rate"].map(numberOf));
  const tiles = Object.entries(numbers).map(([name, number]) => {
    const label = make("span");
    app.put(label, `run.${name}`);
    return make("div", { class: `run-number run-${name}` }, label, number);
  });
  root.append(
    make("div", { class: "run-buttons" }, play, batch, epoch, reset),
    make("div", { class: "run-place" }, status, make("span", { class: "progress", "aria-hidden": "true" }, bar)),
    make("div", { class: "run-numbers" }, ...tiles),
    startAdvice(app),
  );
  for (const [button, key] of [[batch, "run.step_batch"], [epoch, "run.step_epoch"], [reset, "run.reset"]]) {
    app.put(button, key, {}, "label");
    app.put(button, key, {}, "title");
  }

  /** Ask the server for something, and say what it has against it. */
  async function ask(message) {
    try {
      await app.socket.ask(message);
    } catch ({ message: words }) {
      app.emit("refused", words);
    }
  }

  const begin = (steps) => ask({ do: "start", ...app.settings.message, ...(steps ? { steps } : {}) });
  const isPaused = () => app.state.status === "paused";

  play.addEventListener("click", () => {
    if (RUNNING.includes(app.state.status)) ask({ do: "pause" });
    else if (isPaused()) ask({ do: "go" });
    else begin();
  });
  batch.addEventListener("click", () => (isPaused() ? ask({ do: "step", unit: "batch" }) : begin("batch")));
  epoch.addEventListener("click", () => (isPaused() ? ask({ do: "step", unit: "epoch" }) : begin("epoch")));
  reset.addEventListener("click", () => ask({ do: "reset" }));

  let last = null, lastRun = null; // what was announced, and shown, last

  function showState() {
    const { state } = app, isRunning = RUNNING.includes(state.status), hasEnded = ENDED.includes(state.status);
    const key = isRunning ? "run.pause" : isPaused() ? "run.go" : hasEnded ? "run.again" : "run.train";
    play.replaceChildren(icon(isRunning ? "pause" : "play"));
    app.put(play, key, {}, "label");
    app.put(play, key, {}, "title");
    app.put(status, ...describe(app));
    const canAct = app.socket.isOpen && app.settings !== null;
    play.disabled = !canAct;
    for (const button of [batch, epoch]) button.disabled = !canAct || isRunning || hasEnded;
    reset.disabled = !canAct || state.status === "idle";
    if (state.run !== lastRun) for (const number of Object.values(numbers)) number.textContent = "–";
    lastRun = state.run;
    showPlace(app.openedRun && app.lastFrame ? app.lastFrame : state);
    if (last !== state.status) app.announce(app.words(...describe(app)));
    last = state.status;
    root.dataset.status = state.status;
    root.dataset.run = state.run ?? "";
  }

  /** Write a number, if it is another one: writing costs the page a layout. */
  function write(name, text) {
    if (numbers[name].textContent !== text) numbers[name].textContent = text;
  }

  function showPlace({ epoch, epochs, batch, batches }) {
    const hasBegun = Boolean(epochs), done = epoch ?? 0, at = batch ?? 0, isAtEnd = at === 0 || at === batches;
    write("epoch", hasBegun ? `${app.number(Math.min(isAtEnd ? done : done + 1, epochs))} / ${app.number(epochs)}` : "–");
    bar.style.width = hasBegun ? `${(100 * (done + (isAtEnd ? 0 : at / batches))) / epochs}%` : "0";
  }

  function showFrame({ detail: frame }) {
    showPlace(frame);
    write("loss", typeof frame.loss === "number" ? app.number(frame.loss, 3, 3) : "–");
    if (frame.rate) write("rate", app.number(frame.rate, 0));
    const accuracy = frame.val_accuracies?.at(-1);
    if (accuracy !== undefined) write("accuracy", app.percent(accuracy));
  }

  for (const name of ["state", "hello", "settings"]) app.addEventListener(name, showState);
  app.socket.addEventListener("connection", showState);
  app.addEventListener("frame", showFrame);
  showState();
}
