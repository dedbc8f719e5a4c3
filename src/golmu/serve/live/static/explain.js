// The tab "Explain": the steps of a convolutional network as small pieces that can be played with.

import { make } from "./elements.js";
import { explainConvolution } from "./explain/convolution.js";
import { explainDescent } from "./explain/descent.js";
import { explainGradientTape } from "./explain/gradient_tape.js";
import { explainPooling } from "./explain/pooling.js";
import { explainRelu } from "./explain/relu.js";
import { explainSoftmax } from "./explain/softmax.js";

const PIECES = {
  convolution: explainConvolution,
  relu: explainRelu,
  pooling: explainPooling,
  softmax: explainSoftmax,
  tape: explainGradientTape,
  descent: explainDescent,
};

function goTo(piece) {
  const title = document.getElementById(`explain-${piece}`);
  title.scrollIntoView();
  title.focus({ preventScroll: true });
}

/** Build the tab in `root`. */
export function start(root, app, signal) {
  const words = (key, values) => app.words(key, values);
  const sections = Object.entries(PIECES).map(([name, explain], i) => {
    const title = make("h2", { id: `explain-${name}`, tabindex: -1 }, `${i + 1}. ${words(`explain.${name}.title`)}`);
    return make(
      "section",
      { class: "piece", "aria-labelledby": title.id },
      title,
      make("p", {}, words(`explain.${name}.text`)),
      ...explain(words, signal),
    );
  });
  const links = Object.keys(PIECES).map((name, i) => {
    const made = make("button", { type: "button" }, `${i + 1}. ${words(`explain.${name}.title`)}`);
    made.addEventListener("click", () => goTo(name));
    return made;
  });
  root.append(
    make("nav", { class: "choice piece-links", "aria-label": words("explain.pieces") }, ...links),
    make("p", { class: "soft", id: "explain-keys" }, words("explain.keys")),
    ...sections,
  );
  return { show: (request) => Object.hasOwn(PIECES, request?.piece) && goTo(request.piece) };
}
