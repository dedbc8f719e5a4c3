// Every word of the page, from one file a language. An element remembers which words it shows, so that a switch of
// language finds it: data-words is its text, data-label its name for who does not see it, data-title its tooltip.

export const LANGUAGES = { en: "English", ko: "한국어" };

const TARGETS = {
  words: (element, text) => (element.textContent = text),
  label: (element, text) => element.setAttribute("aria-label", text),
  title: (element, text) => (element.title = text),
};

/** The words of one language. */
export class Words {
  constructor() {
    this.language = "en";
    this.wanted = "en"; // what `language` is about to be
    this.texts = {};
    this.files = {}; // by language: promises of its texts
    this.formats = new Map(); // of numbers, by language and digits: to make one takes long
    this.values = new WeakMap(); // of elements: by target, what their words have in place of {names}
  }

  /** Fetch the texts of a language, once. */
  fetch(language) {
    const texts = (this.files[language] ??= fetch(`static/words.${language}.json`).then((response) => response.json()));
    texts.catch(() => delete this.files[language]);
    return texts;
  }

  /** Translate the page into a language; return whether that was done: not if another one has been wanted since. */
  async load(language) {
    this.wanted = language;
    const texts = await this.fetch(language);
    if (this.wanted !== language) return false;
    Object.assign(this, { texts, language });
    document.documentElement.lang = language;
    for (const target of Object.keys(TARGETS)) {
      for (const element of document.querySelectorAll(`[data-${target}]`)) this.show(element, target);
    }
    return true;
  }

  /** Whether there are words under a key. */
  has(key) {
    return key in this.texts;
  }

  /** Return the words under a key, with values in place of {names}; a number is written as the language does. */
  text(key, values = {}) {
    const words = this.texts[key] ?? key;
    return words.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === "number" ? this.number(value) : String(value ?? "");
    });
  }

  /** Return a number with at most so many digits after the point, and with at least so many, even if they are 0. */
  number(value, digits = 3, least = 0) {
    const key = `${this.language} ${digits} ${least}`, options = { maximumFractionDigits: digits, minimumFractionDigits: least };
    if (!this.formats.has(key)) this.formats.set(key, new Intl.NumberFormat(this.language, options));
    return this.formats.get(key).format(value);
  }

  /** Let an element show words, now and in the next language. */
  put(element, key, values = {}, target = "words") {
    element.dataset[target] = key;
    this.values.set(element, { ...this.values.get(element), [target]: values });
    this.show(element, target);
  }

  show(element, target) {
    TARGETS[target](element, this.text(element.dataset[target], this.values.get(element)?.[target]));
  }
}

/** Return the language to begin with: that of the address, the one that was chosen last, or the browser's. */
export function firstLanguage(address) {
  const wanted = [address.get("lang"), remembered("language"), navigator.language.slice(0, 2)];
  return wanted.find((one) => Object.hasOwn(LANGUAGES, one)) ?? "en";
}

/** Return what the browser has remembered under a name; null where it may not remember. */
export function remembered(name) {
  try {
    return localStorage.getItem(`golmu.${name}`);
  } catch {
    return null;
  }
}

/** Let the browser remember something, where it may. */
export function remember(name, value) {
  try {
    localStorage.setItem(`golmu.${name}`, value);
  } catch {
    // A private window: the address still has it.
  }
}
