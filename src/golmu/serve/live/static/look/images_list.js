// Which image passes through the network: chosen by class, among the mistakes, the least sure, or at random.

import { button } from "../controls.js";
import { make } from "../elements.js";
import { refusalInWords } from "../refusals.js";
import { Thumbs } from "./thumbs.js";

const WAYS = ["random", "class", "mistakes", "unsure", "cell"];
const BY_CLASS = ["class", "cell"]; // of these ways
const MOST_IMAGES = 20;

function select(label, options) {
  const field = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
  return { field, element: make("label", {}, `${label} `, field) };
}

export class ImagesList {
  constructor(look) {
    const { app, words } = look,
      { address } = app;
    Object.assign(this, { look, app, words, turn: 0, seed: 0, hasFailed: false });
    this.which = select(
      words("look.images.which"),
      WAYS.map((way) => [way, words(`look.images.${way}`)]),
    );
    this.category = select(words("look.images.category"), []);
    this.predicted = select(words("look.images.predicted"), []);
    this.others = button(words("look.images.others"), () => {
      this.seed++;
      this.ask(true);
    });
    this.thumbs = new Thumbs({ words, label: words("look.images.label"), opened: (item) => look.open(item) });
    this.element = make(
      "div",
      { class: "images-list" },
      make(
        "div",
        { class: "controls" },
        this.which.element,
        this.category.element,
        this.predicted.element,
        this.others,
      ),
      this.thumbs.element,
      make("p", { class: "soft legend" }, words("look.images.legend")),
    );
    this.which.field.value = WAYS.includes(address.get("which")) ? address.get("which") : WAYS[0];
    for (const { field } of [this.which, this.category, this.predicted])
      field.addEventListener("change", () => this.change());
  }

  /** Offer the classes of a data set. */
  setNames(names) {
    this.names = names;
    const { address } = this.app;
    for (const [one, key] of [
      [this.category, "class"],
      [this.predicted, "predicted"],
    ]) {
      const before = one.field.value || address.get(key) || "0";
      one.field.replaceChildren(...names.map((name, i) => make("option", { value: i }, name)));
      one.field.value = before in names ? before : "0";
    }
    this.arrange();
  }

  arrange() {
    const which = this.which.field.value;
    this.category.element.hidden = !BY_CLASS.includes(which);
    this.predicted.element.hidden = which !== "cell";
  }

  change() {
    this.arrange();
    this.app.address.set({
      which: this.which.field.value,
      class: this.category.field.value,
      predicted: this.predicted.field.value,
    });
    this.ask(true);
  }

  /** Choose as another part of the page asks: { which, class, predicted }. */
  choose(request) {
    this.which.field.value = request.which;
    if (request.class !== undefined) this.category.field.value = request.class;
    if (request.predicted !== undefined) this.predicted.field.value = request.predicted;
    this.change();
  }

  /** Ask the server for images, to show the first one if `isAsked`; the answer to an earlier question is left aside. */
  async ask(isAsked = false) {
    const turn = ++this.turn,
      which = this.which.field.value,
      message = { do: "images", which, n: MOST_IMAGES, seed: this.seed };
    if (BY_CLASS.includes(which)) message.class = Number(this.category.field.value);
    if (which === "cell") message.predicted = Number(this.predicted.field.value);
    this.hasFailed = false;
    try {
      const answer = await this.app.socket.ask(message);
      if (turn !== this.turn) return;
      this.thumbs.show(answer.items, answer.arrays.pixels, this.names);
      if (!answer.items.length) this.thumbs.say(this.words("look.images.none"));
      else this.look.offer(isAsked);
    } catch (error) {
      if (turn !== this.turn) return;
      this.hasFailed = true; // with the next weights it is asked again
      this.thumbs.say(refusalInWords(this.app, error.message));
    }
  }
}
