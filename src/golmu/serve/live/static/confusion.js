// The confusion matrix as it fills: what each class of validation images was taken for. Its cells open their images.

import { channelsOf, make, replaceInPlace } from "./elements.js";
import { sumOfDiagonal } from "./runs.js";

const MOST_CLASSES = 20; // of more, the most frequent mistakes are listed instead of the matrix
const MOST_MISTAKES = 20;
const MIDDLE = 0.179; // a luminance at which black and white digits are equally easy to read (WCAG 2, contrast ratio)

/** Return the luminance of a colour from 0 to 1, as WCAG 2 defines it. */
function luminanceOf(colour) {
  const linear = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = colour.map((value) => linear(value / 255));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Start the confusion matrix. */
export function startConfusion(app, signal) {
  const place = make("div", { class: "confusion-place" }), judged = make("p", { class: "soft number" });
  const help = make("p", { class: "soft" }, app.words("confusion.help"));
  const reading = make("p", { class: "confusion-reading" }, app.words("confusion.open"));
  const empty = make("p", { class: "soft" }, app.words("confusion.empty"));
  const element = make(
    "section", { class: "card confusion-card" },
    make("h2", {}, app.words("confusion.title")), help,
    empty, judged, place, reading,
  );
  let names = [], cells = [], filled = [], shown = null; // `filled`: by cell, what it was filled with last

  const openCell = (label, predicted) => app.open("look", { which: "cell", class: label, predicted });

  function wordsOf(label, predicted) {
    const counts = shown.values.subarray(label * names.length, (label + 1) * names.length);
    const all = counts.reduce((sum, n) => sum + n, 0), key = label === predicted ? "confusion.right" : "confusion.cell";
    return app.words(key, { label: names[label], predicted: names[predicted], n: counts[predicted], all });
  }

  function read(label, predicted) {
    reading.textContent = wordsOf(label, predicted);
  }

  /** Make the table: one of its cells is reached by Tab, and the arrow keys move on from there. */
  function makeTable() {
    const nameOf = (scope, name) => make("th", { scope }, make("span", { title: name }, name));
    const corner = make("td", { class: "corner" }, app.words("confusion.corner"));
    const head = make("thead", {}, make("tr", {}, corner, ...names.map((name) => nameOf("col", name))));
    const rows = names.map((name, label) => {
      const row = names.map((_, predicted) => {
        const cell = make("button", { type: "button", tabindex: label + predicted ? "-1" : "0" });
        cell.addEventListener("click", () => openCell(label, predicted));
        for (const event of ["pointerenter", "focus"]) cell.addEventListener(event, () => read(label, predicted));
        return cell;
      });
      cells.push(...row);
      return make("tr", {}, nameOf("row", name), ...row.map((cell) => make("td", {}, cell)));
    });
    const attributes = { class: "confusion", "aria-label": app.words("confusion.title") };
    const table = make("table", attributes, head, make("tbody", {}, ...rows));
    table.addEventListener("keydown", move);
    return table;
  }

  function move(event) {
    const n = names.length, at = cells.indexOf(document.activeElement), row = Math.floor(at / n), column = at % n;
    const to = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, n - 1],
    }[event.key];
    if (!to || at < 0) return;
    event.preventDefault();
    if (to.some((place) => place < 0 || place >= n)) return;
    cells[at].tabIndex = -1;
    const next = cells[to[0] * n + to[1]];
    next.tabIndex = 0;
    next.focus();
  }

  /** Colour the cells by their share of their row: blue on the diagonal, orange beside it. */
  function fillTable() {
    const n = names.length, [right, wrong, none] = ["--blue", "--orange", "--page"].map(channelsOf);
    for (let label = 0; label < n; label++) {
      const counts = shown.values.subarray(label * n, (label + 1) * n), all = counts.reduce((sum, value) => sum + value, 0) || 1;
      for (let predicted = 0; predicted < n; predicted++) {
        const at = label * n + predicted, content = `${counts[predicted]} of ${all}, ${document.documentElement.dataset.theme}`;
        if (filled[at] === content) continue;
        filled[at] = content;
        const cell = cells[at], full = label === predicted ? right : wrong;
        const share = 0.9 * Math.sqrt(counts[predicted] / all); // so that a single mistake is seen too
        const colour = full.map((value, c) => Math.round(none[c] + share * (value - none[c])));
        cell.textContent = counts[predicted] ? app.number(counts[predicted]) : "";
        cell.style.background = `rgb(${colour.join()})`;
        cell.style.color = luminanceOf(colour) > MIDDLE ? "black" : "white";
        cell.setAttribute("aria-label", wordsOf(label, predicted));
      }
    }
  }

  /** List the most frequent mistakes of many classes. */
  function listMistakes() {
    const n = names.length, mistakes = [];
    shown.values.forEach((count, i) => {
      if (count && Math.floor(i / n) !== i % n) mistakes.push([count, Math.floor(i / n), i % n]);
    });
    mistakes.sort((a, b) => b[0] - a[0]);
    const buttons = mistakes.slice(0, MOST_MISTAKES).map(([, label, predicted]) => {
      const button = make("button", { type: "button", class: "link" }, wordsOf(label, predicted));
      button.addEventListener("click", () => openCell(label, predicted));
      return make("li", {}, button);
    });
    replaceInPlace(place, make("h3", {}, app.words("confusion.most")), make("ol", { class: "mistakes" }, ...buttons));
  }

  function show(frame) {
    const { confusion } = frame.arrays, isKnown = Boolean(confusion) && app.classNames.length === confusion.shape[0];
    empty.hidden = isKnown;
    for (const part of [place, judged, reading]) part.hidden = !isKnown;
    if (!isKnown) return;
    shown = confusion;
    const isTable = app.classNames.length <= MOST_CLASSES;
    if (names.join() !== app.classNames.join()) {
      [names, cells, filled] = [app.classNames, [], []];
      place.replaceChildren(...(isTable ? [makeTable()] : []));
    }
    const n = shown.values.reduce((sum, value) => sum + value, 0);
    const key = frame.is_judged ? "confusion.judged_all" : "confusion.judged";
    judged.textContent = app.words(key, { right: sumOfDiagonal(shown), n });
    help.textContent = app.words(isTable ? "confusion.help" : "confusion.help_list");
    reading.hidden = !isTable;
    if (isTable) fillTable();
    else listMistakes();
  }

  const showLast = () => {
    if (app.lastFrame) return show(app.lastFrame);
    empty.hidden = false;
    for (const part of [place, judged, reading]) part.hidden = true;
  };
  for (const name of ["frame", "theme", "state"]) {
    app.addEventListener(name, () => {
      if (app.tab === "train") showLast();
    }, { signal });
  }
  showLast();
  return { element, show: showLast };
}
