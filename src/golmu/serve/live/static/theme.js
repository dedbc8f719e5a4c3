// Dark or light: as the system has it, until the user chooses; then as chosen, also the next time.

import { remember, remembered } from "./words.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => document.documentElement.dataset.theme === "dark";

function apply(isDarkNow) {
  document.documentElement.dataset.theme = isDarkNow ? "dark" : "light";
}

/** Set the theme, and call `changed` whenever it changes. */
export function startTheme(button, put, changed) {
  const show = () => put(button, isDark() ? "page.light" : "page.dark");
  const chosen = remembered("theme");
  apply(chosen ? chosen === "dark" : dark.matches);
  show();
  button.addEventListener("click", () => {
    apply(!isDark());
    remember("theme", isDark() ? "dark" : "light");
    show();
    changed();
  });
  dark.addEventListener("change", () => {
    if (remembered("theme")) return;
    apply(dark.matches);
    show();
    changed();
  });
}
