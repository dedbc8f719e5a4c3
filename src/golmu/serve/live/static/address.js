// What stands after the # of the page's address: tab, language and settings, so that an address can be shared. It is
// never sent to the server.

/** The settings in the address. A "change" event says that the user has changed it: by hand, or by going back. */
export class Address extends EventTarget {
  constructor() {
    super();
    this.read();
    window.addEventListener("hashchange", () => {
      this.read();
      this.dispatchEvent(new Event("change"));
    });
  }

  read() {
    this.values = new URLSearchParams(location.hash.slice(1));
  }

  /** Return a setting as text, or `otherwise` if it is not in the address. */
  get(name, otherwise = null) {
    return this.values.get(name) ?? otherwise;
  }

  /** Put settings into the address, without those that are null; `isStep` if the browser's Back should undo it. */
  set(values, isStep = false) {
    for (const [name, value] of Object.entries(values)) {
      if (value === null || value === undefined) this.values.delete(name);
      else this.values.set(name, value);
    }
    const { pathname, search } = location, written = this.values.toString();
    history[isStep ? "pushState" : "replaceState"](null, "", pathname + search + (written ? `#${written}` : ""));
  }
}
