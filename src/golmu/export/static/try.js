// The panel "Try it" of a page: samples to click, a drawing, an image file, and what the network makes of them.

import { DrawingArea } from "./drawing.js";
import { fitAndInvert, fitImage, readImageFile } from "./fitting.js";
import { Network, decodeBase64 } from "./network.js";
import { make, makeBars, makeMaps, makeSpeaker, paintImage, percent, sizeCanvas } from "./showing.js";

const LONGER_SIDE = { pad: 280, view: 140, sample: 40 }; // in CSS pixels

const NOTHING = "Nothing is drawn yet.";

const find = (name) => document.getElementById(`try-${name}`);

/** Start the panel with the content that golmu.export.page writes. */
export function startTryIt({ network: description, files, samples, drawnShare }) {
  const network = new Network(description), { height, width, channels, names } = network;
  const showBars = makeBars(find("bars"), names), showMaps = makeMaps(find("maps"), network.blocks);
  let shown = null, next = null, reading = 0;
  const say = makeSpeaker((text) => (find("live").textContent = text));

  /** Show an image (h, w, c) of the network's own shape with its answer, and return that in words; null: nothing. */
  function show(image, note) {
    shown = [image, note];
    find("note").textContent = note;
    paintImage(find("view"), image ?? { pixels: new Uint8ClampedArray(height * width).fill(128), height, width, channels: 1 });
    find("view").classList.toggle("try-empty", image === null);
    const { probabilities, maps } = image ? network.predict(image.pixels) : { probabilities: names.map(() => 0), maps: null };
    const best = probabilities.reduce((found, value, i) => (value > probabilities[found] ? i : found), 0);
    find("label").textContent = image ? names[best] : "–";
    find("probability").textContent = image ? percent(probabilities[best]) : "";
    showBars(probabilities);
    showMaps(maps);
    return image ? `${names[best]}, ${percent(probabilities[best])}` : note;
  }

  /** Show what a function gives before the next frame; if it is asked for several things until then, the last. */
  function showSoon(makeImage, note, button = null) {
    reading++; // what is still being read comes too late
    press(button);
    if (next === null) {
      requestAnimationFrame(() => {
        const [image, words] = [next.makeImage(), next.note];
        next = null;
        say(show(image, words));
      });
    }
    next = { makeImage, note };
  }

  function press(button) {
    for (const one of choices) one.button.setAttribute("aria-pressed", String(one.button === button));
  }

  function makeSampleButton({ pixels, label }) {
    const image = { pixels: new Uint8ClampedArray(decodeBase64(pixels)), height, width, channels };
    const canvas = sizeCanvas(make("canvas"), height, width, LONGER_SIDE.sample);
    const button = make("button", { type: "button", title: label, "aria-label": `sample: ${label}` }, canvas);
    const words = `A sample of the class “${label}”.`;
    paintImage(canvas, image);
    button.addEventListener("click", () => {
      area?.wipe();
      forgetFile();
      showSoon(() => image, words, button);
    });
    return { button, image, words };
  }

  const choices = samples.map(makeSampleButton), [first] = choices;
  find("samples").append(...choices.map(({ button }) => button));
  find("samples").hidden = samples.length === 0;
  sizeCanvas(find("view"), height, width, LONGER_SIDE.view);
  document.getElementById("try").hidden = false;

  const area = find("pad") && startDrawing();
  press(first?.button);
  show(first?.image ?? null, first?.words ?? NOTHING);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(...shown));

  function startDrawing() {
    const isLight = files.ground === "light", longer = Math.max(height, width);
    find("width").value = 100 * Math.min(Math.max(1.4 / longer + 0.03, 0.06), 0.2); // a line of about two pixels
    const pen = { colour: isLight ? "black" : "white", ground: isLight ? "white" : "black", width: find("width").value / 100 };
    const fitDrawing = () => (made.isEmpty ? null : fitImage(made.image(drawnShare, channels, network), height, width));
    const changed = () => {
      forgetFile();
      showSoon(fitDrawing, made.isEmpty ? NOTHING : "Your drawing, scaled and centred.");
    };
    const made = new DrawingArea(find("pad"), network, pen, changed, (words) => say(words, "pen"));
    find("pad").style.width = `${LONGER_SIDE.pad * made.width}px`;
    find("width").addEventListener("input", ({ target }) => (pen.width = target.value / 100));
    for (const name of find("colour") ? ["colour", "ground"] : []) {
      pen[name] = find(name).value;
      find(name).addEventListener("input", ({ target }) => {
        pen[name] = target.value;
        made.paint();
        if (name === "ground" && !made.isEmpty) changed();
      });
    }
    find("undo").addEventListener("click", () => made.undo());
    find("clear").addEventListener("click", () => made.clear());
    find("file").addEventListener("change", ({ target }) => showFile(target.files[0]));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault(); // else the browser would leave the page
      showFile(event.dataTransfer.files[0]);
    });
    return made;
  }

  /** Let the field of the file name none, as something else is shown; then the same file may be chosen again. */
  function forgetFile() {
    if (find("file")) find("file").value = "";
  }

  async function showFile(file) {
    if (!file) return;
    area.wipe();
    const turn = ++reading;
    try {
      const image = await readImageFile(file, channels);
      if (turn !== reading) return;
      const { fitted, isInverted } = fitAndInvert(image, { height, width, ...files });
      const inverted = isInverted ? ", and inverted, since the training images have the other ground" : "";
      showSoon(() => fitted, `${file.name}, scaled and centred${inverted}.`);
    } catch {
      if (turn === reading) showSoon(() => null, `${file.name} is not an image that your browser can read: try PNG or JPEG.`);
    }
  }
}
