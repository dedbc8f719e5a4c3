// Icons as drawings of 24 by 24 units, in the colour of the text around them.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  step: "M5 5v14l8-7zM15 5h3v14h-3z",
  epoch: "M3 5v14l7-7zM11 5v14l7-7zM19 5h2.5v14H19z",
  reset: "M12 5V1L6.5 6 12 11V7.2a5.3 5.3 0 1 1-5.3 5.3H4.5A7.5 7.5 0 1 0 12 5z",
};

/** Return an icon that says nothing to who does not see it: its button has words. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  drawing.append(path);
  return drawing;
}
