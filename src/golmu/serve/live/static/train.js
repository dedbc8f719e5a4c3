// The tab Train: the settings, and beside them what the training does to the network.

import { startConfusion } from "./confusion.js";
import { startCurves } from "./curves.js";
import { make } from "./elements.js";
import { startKernels } from "./kernels.js";
import { startSaving } from "./save.js";
import { startForm } from "./settings_form.js";

const UNDER_WAY = ["loading", "waiting", "training", "paused"];

/** Return the note that the settings are not those of the training shown. */
function startNote(app, signal) {
  const again = make("button", { type: "button", class: "plain" }, app.words("train.start_changed"));
  const note = make("div", { class: "card changed", hidden: "" }, make("p", {}, app.words("train.changed")), again);
  again.addEventListener("click", async () => {
    try {
      await app.socket.ask({ do: "start", ...app.settings.message });
    } catch ({ message }) {
      app.emit("refused", message);
    }
  });
  const show = () => {
    const { current } = app.runs;
    note.hidden = !current || !UNDER_WAY.includes(app.state.status) || app.settings.areThoseOf(current);
  };
  for (const name of ["settings", "state", "runs"]) app.addEventListener(name, show, { signal });
  show();
  return note;
}

/** Start the tab. */
export function start(root, app, signal) {
  const side = make("div", { class: "train-side" }), kernels = startKernels(app, signal), confusion = startConfusion(app, signal);
  const curves = startCurves(app, signal), cards = [curves.element, kernels.element, confusion.element, startSaving(app, signal)];
  const results = make("div", { class: "train-results" }, ...cards);
  root.append(make("div", { class: "train" }, side, results));

  /** The form needs to know what there is. */
  function startSide() {
    const summary = make("summary", {}, app.words("train.settings"));
    const details = make("details", { class: "settings-fold", open: "" }, summary, startForm(app, signal));
    if (matchMedia("(max-width: 900px)").matches) details.open = false;
    side.replaceChildren(details, startNote(app, signal));
  }
  if (app.settings) startSide();
  app.addEventListener("offers", startSide, { signal });

  return {
    show() {
      curves.show();
      kernels.show();
      confusion.show();
    },
  };
}
