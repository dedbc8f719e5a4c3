// What one keeps of a training: a run folder, a report, an export.

import { make } from "./elements.js";
import { refusalInWords } from "./refusals.js";

const EXPORTS = ["page", "onnx", "keras", "litert", "saved-model"];
const STATES_TO_KEEP = ["paused", "finished", "training"];

/** Start the card. */
export function startSaving(app, signal) {
  const kept = (app.kept.save ??= { name: "golmu-run", words: () => "", isBusy: false }); // also in the next language
  const said = make("p", { role: "status", class: "saved" });
  const name = make("input", { type: "text", maxlength: "60", autocomplete: "off", spellcheck: "false", value: kept.name });
  const save = make("button", { type: "submit", class: "plain" }, app.words("save.save"));
  const help = make("p", { class: "soft" });
  const form = make("form", { class: "save-form" }, make("label", {}, make("span", {}, app.words("save.name")), name), save);

  /** Say something, by a function that gives it in the language of the moment; `isBusy` while there is more to come. */
  function say(words, isBusy = false) {
    Object.assign(kept, { words, isBusy });
    kept.show();
  }

  /** Show what was said last; an answer may come after the card was made again in another language. */
  kept.show = () => {
    said.textContent = kept.words();
    for (const button of element.querySelectorAll("button")) button.disabled = kept.isBusy;
  };

  name.addEventListener("input", () => (kept.name = name.value));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!name.value.trim()) {
      say(() => app.words("save.no_name"));
      return name.focus();
    }
    say(() => app.words("save.saving"), true);
    try {
      const { folder } = await app.socket.ask({ do: "save", name: name.value });
      say(() => app.words("save.saved", { folder }));
    } catch ({ message }) {
      say(() => refusalInWords(app, message));
    }
  });

  /** Fetch a file and hand it to the user; where the server refuses, say why. */
  async function download(path, key) {
    say(() => app.words("save.making", { name: app.words(key) }), true);
    try {
      const response = await app.socket.fetch(path);
      const link = make("a", { href: URL.createObjectURL(await response.blob()), download: fileName(response) ?? path.replace("/", "-") });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      say(() => app.words("save.made", { file: link.download }));
    } catch ({ message }) {
      say(() => refusalInWords(app, message));
    }
  }

  const makeDownload = ([path, key]) => {
    const what = make("span", { class: "soft", id: `about-${key}` }, app.words(`${key}.about`));
    const button = make("button", { type: "button", class: "plain", "aria-describedby": what.id }, app.words(key));
    button.addEventListener("click", () => download(path, key));
    return make("li", {}, button, what);
  };
  const downloads = [["report", "save.report"], ...EXPORTS.map((one) => [`export/${one}`, `save.${one}`])].map(makeDownload);
  const element = make(
    "section", { class: "card save-card" },
    make("h2", {}, app.words("save.title")), help, form,
    make("ul", { class: "downloads", "aria-label": app.words("save.downloads") }, ...downloads), said,
  );
  const show = () => {
    const { openedRun } = app;
    element.hidden = !STATES_TO_KEEP.includes(app.state.status) && !openedRun;
    for (const part of [form, downloads[0]]) part.hidden = Boolean(openedRun); // it is a run folder, with its report
    help.textContent = openedRun ? app.words("save.opened", { name: openedRun.title }) : app.words("save.help");
  };
  kept.show();
  for (const name of ["hello", "state"]) app.addEventListener(name, show, { signal });
  show();
  return element;
}

/** Return the name that a response gives its file. */
function fileName(response) {
  return response.headers.get("content-disposition")?.match(/filename="?([^";]+)"?/)?.[1];
}
