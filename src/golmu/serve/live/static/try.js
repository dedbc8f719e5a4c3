// The tab Try: a drawing or an image, what the network sees of it, and its answer, which moves as one draws and as the
// network learns.

import { make, makeBars, makeMaps, makeSpeaker, paintImage, sizeCanvas } from "./elements.js";
import { refusalInWords } from "./refusals.js";
import { DrawingArea } from "./shared/drawing.js";
import { fitImage } from "./shared/fitting.js";
import { decodeBase64 } from "./shared/network.js";

const LONGER_SIDE = { pad: 300, view: 140 }; // in CSS pixels

/** Return an input for image files that looks like a button. */
function makeFileButton(words, id, attributes = {}) {
  const input = make("input", { type: "file", accept: "image/*", id, class: "unseen", ...attributes });
  return { input, element: make("label", { class: "plain file-button" }, input, words) };
}

/** Start the tab. */
export function start(root, app, signal) {
  const kept = (app.kept.try ??= { shape: "", reading: 0 }); // what is shown, also in the next language
  const none = make("div", { class: "card" }), place = make("div", { class: "try try-live-page", hidden: "" });
  const begin = make("button", { type: "button", class: "plain" }, app.words("try.begin"));
  const why = make("p");
  none.append(why, begin);
  begin.addEventListener("click", async () => {
    try {
      await app.socket.ask({ do: "start", ...app.settings.message, steps: "none" });
    } catch ({ message }) {
      app.emit("refused", message);
    }
  });
  root.append(none, place);

  let panel = null, shape = "";

  function update() {
    const { network } = app;
    none.hidden = network !== null;
    why.textContent = app.words(`try.no_network.${app.feed.reason}`);
    begin.hidden = app.feed.reason !== "none";
    place.hidden = network === null;
    if (!network) return;
    const { height, width, channels, names, files, blocks } = network;
    const next = JSON.stringify([height, width, channels, names, files, blocks.map(({ kernels }) => kernels)]);
    if (next !== shape) {
      shape = next;
      place.replaceChildren();
      panel = startPanel(place, app, kept, signal);
    }
    panel.compute();
  }

  app.addEventListener("network", update, { signal });
  app.addEventListener("theme", () => panel?.compute(), { signal });
  document.addEventListener("dragover", (event) => event.preventDefault(), { signal });
  document.addEventListener("drop", (event) => {
    event.preventDefault(); // else the browser would leave the page
    if (app.tab === "try") panel?.readFile(event.dataTransfer.files[0]);
  }, { signal });
  update();
  return { show: update };
}

/** Start the panel for networks of one shape. */
function startPanel(place, app, kept, signal) {
  const { height, width, channels, names, files, blocks } = app.network, shapeOfImage = [height, width, channels].join();
  const readsFiles = channels === 1 || channels === 3;
  const say = makeSpeaker((text) => app.announce(text));
  let isWaiting = false, area = null;
  if (kept.shape !== shapeOfImage) {
    const nothing = { image: null, makeImage: () => null, note: ["try.nothing"], strokes: [] };
    Object.assign(kept, { ...nothing, shape: shapeOfImage, reading: kept.reading + 1 });
  }
  const view = make("canvas", { class: "try-view", id: "try-view", role: "img", "aria-label": app.words("try.seen_words") });
  sizeCanvas(view, height, width, LONGER_SIDE.view);
  const empty = { pixels: new Uint8ClampedArray(height * width).fill(128), height, width, channels: 1 };
  const note = make("p", { class: "soft", id: "try-note" });
  const label = make("b", { id: "try-label" }), probability = make("span", { id: "try-probability" });
  const learning = make("p", { class: "soft" }, app.words("try.moves"));
  const bars = make("ol", { class: "try-bars", id: "try-bars" }), maps = make("div", { class: "try-maps card" });
  const look = make("button", { type: "button", class: "plain" }, app.words("try.look"));
  look.addEventListener("click", () => app.open("look", { pixels: kept.image, title: note.textContent }));
  place.append(
    make("div", { class: "try-columns" },
      ...(readsFiles ? [makeInput()] : []),
      make("div", { class: "try-seen card" }, make("h2", {}, app.words("try.seen")), make("div", {}, view, note), look),
      make("div", { class: "try-result card" },
        make("h2", {}, app.words("try.answer")), make("p", { class: "try-answer" }, label, " ", probability), bars, learning),
      maps),
  );
  const showBars = makeBars(bars, names), shown = bars.children.length;
  if (shown < names.length) bars.after(make("p", { class: "soft" }, app.words("look.most_probable", { shown, n: names.length })));
  const describe = (block, number, n) => app.words(n > 1 ? "try.maps_of" : "try.maps", { ...block, block: number });
  const showMaps = makeMaps(maps, blocks, describe);

  /** Let the network of the moment answer. */
  function compute() {
    const { image } = kept, { network } = app;
    note.textContent = app.words(...kept.note);
    learning.hidden = app.state.status !== "training";
    paintImage(view, image ? { pixels: image, height, width, channels } : empty);
    view.classList.toggle("try-empty", image === null);
    look.disabled = image === null;
    const { probabilities, maps: found } = image ? network.predict(image) : { probabilities: names.map(() => 0), maps: null };
    const best = probabilities.reduce((most, value, i) => (value > probabilities[most] ? i : most), 0);
    label.textContent = image ? names[best] : "–";
    probability.textContent = image ? app.percent(probabilities[best]) : "";
    showBars(probabilities);
    showMaps(found);
    return image ? `${names[best]}, ${app.percent(probabilities[best])}` : note.textContent;
  }

  /** Show an image (h, w, c), and a note on it, at the next frame of the screen; perhaps in a panel made until then. */
  function show(makeImage, words) {
    kept.reading++; // what is still being read comes too late
    Object.assign(kept, { makeImage, note: words });
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      kept.image = kept.makeImage();
      if (app.network) say(kept.compute());
    });
  }

  function makeInput() {
    const pad = make("canvas", { class: "try-pad", id: "try-pad", tabindex: "0", role: "application", "aria-describedby": "try-keys" });
    pad.setAttribute("aria-label", app.words("try.pad"));
    const isLight = files.ground === "light", longer = Math.max(height, width);
    const thickness = 100 * Math.min(Math.max(1.4 / longer + 0.03, 0.06), 0.2); // a line of about two pixels
    const pen = { colour: isLight ? "black" : "white", ground: isLight ? "white" : "black", width: thickness / 100 };
    const tools = make("div", { class: "try-tools" });
    const changed = () => {
      kept.strokes = area.strokes;
      const fitDrawing = () => fitImage(area.image(app.network.drawnShare, channels, app.network), height, width).pixels;
      show(() => (area.isEmpty ? null : fitDrawing()), [area.isEmpty ? "try.nothing" : "try.drawing"]);
    };
    const sayPen = (words) => say(app.words(words === "pen down" ? "try.pen_down" : "try.pen_up"), "pen");
    area = new DrawingArea(pad, app.network, pen, changed, sayPen);
    area.strokes = kept.strokes;
    pad.style.width = `${LONGER_SIDE.pad * area.width}px`;
    for (const [key, act] of [["undo", () => area.undo()], ["clear", () => area.clear()]]) {
      const button = make("button", { type: "button", class: "plain", id: `try-${key}` }, app.words(`try.${key}`));
      button.addEventListener("click", act);
      tools.append(button);
    }
    const addInput = (key, attributes, take) => {
      const input = make("input", { id: `try-${key}`, ...attributes });
      input.addEventListener("input", () => take(input.value));
      tools.append(make("label", {}, app.words(`try.${key}`), input));
    };
    addInput("pen", { type: "range", min: 2, max: 30, value: thickness }, (value) => (pen.width = value / 100));
    if (!files.ground) {
      [pen.colour, pen.ground] = ["#000000", "#ffffff"];
      for (const [key, name] of [["colour", "colour"], ["ground", "ground"]]) {
        addInput(key, { type: "color", value: pen[name] }, (value) => {
          pen[name] = value;
          area.paint();
          if (name === "ground" && !area.isEmpty) changed();
        });
      }
    }
    const choose = makeFileButton(app.words("try.file"), "try-file");
    const camera = makeFileButton(app.words("try.camera"), "try-camera", { capture: "environment" });
    camera.element.classList.add("camera");
    for (const { input } of [choose, camera]) {
      input.addEventListener("change", () => {
        readFile(input.files[0]);
        input.value = ""; // so that the same file can be chosen again
      }, { signal });
    }
    return make(
      "div", { class: "try-input card" },
      make("h2", {}, app.words("try.draw")), pad, tools, make("p", { class: "soft try-keys", id: "try-keys" }, app.words("try.keys")),
      make("div", { class: "try-tools" }, choose.element, camera.element), make("p", { class: "soft try-drop" }, app.words("try.drop")),
    );
  }

  /** Let the server read a file, as golmu predict does, and show it. */
  async function readFile(file) {
    if (!file || !readsFiles) return;
    area.wipe();
    kept.strokes = [];
    show(() => null, ["try.reading", { name: file.name }]);
    const turn = kept.reading;
    const result = await fitOnServer(app, file);
    if (turn !== kept.reading) return;
    if (result.pixels) show(() => result.pixels, [result.isInverted ? "try.inverted" : "try.image", { name: file.name }]);
    else show(() => null, ["try.failed", { name: file.name, message: refusalInWords(app, result.message) }]);
  }

  kept.compute = compute;
  return { compute, readFile };
}

/** Return the pixels of a file as the network takes them, and whether they were inverted; or a message why not. */
async function fitOnServer(app, file) {
  try {
    const response = await app.socket.fetch("fit", { method: "POST", body: file }), { pixels, inverted } = await response.json();
    return { pixels: new Uint8ClampedArray(decodeBase64(pixels)), isInverted: inverted };
  } catch ({ message }) {
    return { message };
  }
}
