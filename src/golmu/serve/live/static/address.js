// What stands after the # of the page's address: tab, language and settings, so that an address can be shared. It is
// never sent to the server.

/** The settings in the address. A "change" event says that the user has changed it: by hand, or by going back. */
export class Address extends EventTarget {
  constructor() {
    super();
    window.addEventListener("hashchange", () => this.dispatchEvent(new Event("change")));
  }

  // Read anew each time: after Back the address is the older one a moment before the page is told.
  get values() {
    return new URLSearchParams(location.hash.slice(1));
  }

  /** Return a setting as text, or `otherwise` if it is not in the address. */
  get(name, otherwise = null) {
    return this.values.get(name) ?? otherwise;
  }

  /** Put settings into the address, without those that are null; `isStep` if the browser's Back should undo it. */
  set(values, isStep = false) {
    const all = this.values, { pathname, search } = location;
    for (const [name, value] of Object.entries(values)) {
      if (value === null || value === undefined) all.delete(name);
      else all.set(name, value);
    }
    const written = all.toString();
    history[isStep ? "pushState" : "replaceState"](null, "", pathname + search + (written ? `#${written}` : ""));
  }
}
