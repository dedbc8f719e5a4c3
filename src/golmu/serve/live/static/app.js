// The page: its tabs, languages and themes, the connection, and what all tabs share.

import { Address } from "./address.js";
import { make } from "./elements.js";
import { NetworkFeed } from "./network_feed.js";
import { Pace } from "./pace.js";
import { refusalInWords } from "./refusals.js";
import { Runs } from "./runs.js";
import { Settings } from "./settings.js";
import { Socket } from "./socket.js";
import { isDark, startTheme } from "./theme.js";
import { startTransport } from "./transport.js";
import { LANGUAGES, Words, firstLanguage, remember } from "./words.js";

const TABS = ["train", "look", "try", "explain"];
const NAMED = "fashion-mnist"; // the data set whose classes are words of the page
const TABS_WITHOUT_TRAINING = ["explain"]; // in which the controls of the training are out of place

const moduleOf = (tab) => import(`./${tab}.js`);

const find = (name) => document.getElementById(name);

/**
 * What all tabs share. Its events: "hello" (the server has told what there is), "offers" (that is new), "state" (of the
 * training), "frame" (with a frame as `detail`), "network" (new weights), "runs", "settings" (of the next training),
 * "language" and "theme".
 */
class App extends EventTarget {
  constructor() {
    super();
    this.address = new Address();
    this.socket = new Socket();
    this.language = new Words();
    this.hello = null; // what there is: data sets, recipes, fields
    this.offers = ""; // that, in JSON
    this.state = { status: "idle" };
    this.settings = null; // of the next training; the form of the tab Train
    this.pace = new Pace();
    this.runs = new Runs(this);
    this.feed = new NetworkFeed(this);
    this.lastFrame = null; // of the training that `state` is of
    this.kept = {}; // what a tab keeps while the language changes, by its name
    this.tabs = {}; // what each tab's `start` has returned
  }

  /** The network with the weights of the moment, its classes named as the language does, or null. */
  get network() {
    const { network } = this.feed, { language } = this.language;
    if (network && network.language !== language) {
      network.ownNames ??= network.names;
      Object.assign(network, { language, names: this.namesInWords(network.ownNames) });
    }
    return network;
  }

  /** Return the names of classes as the language has them: those of Fashion-MNIST are words of the page. */
  namesInWords(names) {
    const known = this.hello?.data_sets.find(({ name }) => name === NAMED)?.class_names ?? [];
    const isKnown = names.length === known.length && names.every((name, i) => name === known[i]);
    return isKnown ? names.map((_, i) => this.words(`class.${NAMED}.${i}`)) : names;
  }

  /** Return what a data set is called, in a few words. */
  titleOf(name) {
    const key = `data.short.${name}`;
    return this.language.has(key) ? this.words(key) : (this.hello?.data_sets.find((one) => one.name === name)?.title ?? name);
  }

  /** The run that the page was opened on, as the server describes it; null without one, or once a training is there. */
  get openedRun() {
    return (this.state.run === null && this.hello?.runs.find(({ id }) => id === this.hello.run)) || null;
  }

  /** The names of the classes of the data set that is shown, or else of the chosen one. */
  get classNames() {
    const shown = this.lastFrame && this.runs.find(this.lastFrame.run).dataSet;
    const name = this.state.data_set ?? shown ?? this.settings?.dataSet;
    return this.namesInWords(this.hello?.data_sets.find((one) => one.name === name)?.class_names ?? []);
  }

  emit(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  words(key, values) {
    return this.language.text(key, values);
  }

  put(element, key, values, target) {
    this.language.put(element, key, values, target);
  }

  number(value, digits, least) {
    return this.language.number(value, digits, least);
  }

  percent(share) {
    return `${(100 * share).toLocaleString(this.language.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 })} %`;
  }

  /** Tell something to who hears the page. */
  announce(text) {
    find("spoken").textContent = text;
  }

  /** Show a tab; `request` is for it, such as which image it should show. */
  open(tab, request) {
    this.address.set({ tab: tab === TABS[0] ? null : tab }, true);
    return this.show(tab, request);
  }

  async show(tab, request) {
    const before = this.tab;
    this.tab = tab;
    for (const name of TABS) {
      const button = find(`tab-${name}`), isShown = name === tab;
      button.setAttribute("aria-selected", String(isShown));
      button.tabIndex = isShown ? 0 : -1;
      find(name).hidden = !isShown;
    }
    find("transport").hidden = TABS_WITHOUT_TRAINING.includes(tab);
    if (before && before !== tab) (await this.tabs[before])?.hide?.();
    const started = (this.tabs[tab] ??= this.start(tab)), { show } = await started;
    if (this.tab !== tab || this.tabs[tab] !== started) return; // another tab, or language, has been chosen since
    show?.(request);
    this.feed.update();
  }

  /** Load and start a tab, and return what its `start` returns. */
  async start(tab) {
    const module = await moduleOf(tab), root = find(tab);
    root.textContent = "";
    this.stop?.[tab]?.abort();
    this.stop = { ...this.stop, [tab]: new AbortController() };
    return module.start(root, this, this.stop[tab].signal);
  }

  async translate(language) {
    if (!(await this.language.load(language))) return;
    const other = Object.keys(LANGUAGES).find((one) => one !== language);
    find("language").textContent = LANGUAGES[other];
    find("language").lang = other;
    // Most tabs are made of many words, so they are made again. They keep what they show in the address and in the app.
    for (const tab of Object.keys(this.tabs)) delete this.tabs[tab];
    this.emit("language");
    if (this.tab) await this.show(this.tab);
  }
}

/** Let the arrow keys move among the tabs, as those of a list of tabs do. */
function startTabs(app) {
  for (const name of TABS) find(`tab-${name}`).addEventListener("click", () => app.open(name));
  document.querySelector("[role=tablist]").addEventListener("keydown", ({ key }) => {
    const at = TABS.indexOf(app.tab), last = TABS.length - 1;
    const moves = { Home: 0, End: last, ArrowLeft: at === 0 ? last : at - 1, ArrowRight: at === last ? 0 : at + 1 };
    if (!(key in moves)) return;
    const next = moves[key];
    app.open(TABS[next]);
    find(`tab-${TABS[next]}`).focus();
  });
}

/** Show what the server refuses, in its words, until it is closed or the training goes on. */
function startRefusals(app) {
  const note = find("refused"), words = make("span"), close = make("button", { type: "button", class: "note-close" }, "×");
  app.put(close, "page.close_note", {}, "label");
  note.append(words, close);
  close.addEventListener("click", () => (note.hidden = true));
  app.addEventListener("state", () => (note.hidden = true));
  app.addEventListener("refused", ({ detail }) => {
    note.hidden = false;
    words.textContent = refusalInWords(app, detail);
  });
}

function startConnection(app) {
  const { socket } = app, banner = find("banner");
  socket.addEventListener("connection", () => {
    banner.hidden = socket.isOpen;
    if (!socket.isOpen) app.put(banner, "page.lost");
  });
  socket.on("hello", (hello) => {
    app.hello = hello;
    const { data_sets: dataSets, data_set: first, recipes, fields } = hello, offers = JSON.stringify([dataSets, first, recipes, fields]);
    if (offers !== app.offers) {
      app.offers = offers; // others where a server was started again
      app.settings ??= new Settings(app);
      app.settings.readAddress();
      app.emit("offers");
    }
    app.emit("hello");
  });
  socket.on("state", (state) => {
    app.state = state;
    app.pace.follow(state);
    if (state.run === null) app.lastFrame = null;
    app.emit("state");
  });
  socket.on("error", ({ message }) => app.emit("refused", message));
  socket.connect();
}

const tabOf = (address) => (TABS.includes(address.get("tab")) ? address.get("tab") : TABS[0]);

async function startPage() {
  const app = new App(), { address } = app;
  await app.translate(firstLanguage(address));
  startTheme(find("theme"), (...words) => app.put(...words), () => app.emit("theme", isDark()));
  startTabs(app);
  startTransport(find("transport"), app);
  startRefusals(app);
  startConnection(app);
  find("language").addEventListener("click", () => {
    const language = find("language").lang;
    address.set({ lang: language });
    remember("language", language);
    app.translate(language);
  });
  address.addEventListener("change", () => {
    const language = address.get("lang");
    if (Object.hasOwn(LANGUAGES, language) && language !== app.language.wanted) app.translate(language);
    app.show(tabOf(address));
  });
  await app.show(tabOf(address));
  // So tabs and languages come at once, and without the server too.
  for (const tab of TABS) moduleOf(tab);
  for (const language of Object.keys(LANGUAGES)) app.language.fetch(language);
}

startPage();
