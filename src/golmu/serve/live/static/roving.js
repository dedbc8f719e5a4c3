// Many buttons with one stop of the Tab key: the arrow keys move the focus among them.

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * Let the arrow keys move the focus among the buttons in an element, which lie on a grid.
 *
 * @param columns How many buttons a row has, or a function that returns it.
 * @return A function to call when the buttons have changed; the one it is given is reached by Tab, else the first.
 */
export function rove(element, columns) {
  const items = () => [...element.querySelectorAll("button:not([hidden])")];
  const reach = (one = null) => {
    const all = items(),
      reached = all.includes(one) ? one : (all.find((item) => item.tabIndex === 0) ?? all[0]);
    for (const item of all) item.tabIndex = item === reached ? 0 : -1;
  };
  element.addEventListener("focusin", ({ target }) => reach(target.closest("button")));
  element.addEventListener("keydown", (event) => {
    const all = items(),
      at = all.indexOf(document.activeElement),
      n = typeof columns === "function" ? columns() : columns;
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    let to = null;
    if (event.key === "Home") to = 0;
    else if (event.key === "End") to = all.length - 1;
    else if (event.key in MOVES) to = at + MOVES[event.key][0] * n + MOVES[event.key][1];
    if (to === null) return;
    event.preventDefault();
    all[to]?.focus();
  });
  return reach;
}
