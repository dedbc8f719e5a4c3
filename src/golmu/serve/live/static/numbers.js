// Numbers as people read them: a minus sign that is one, and as many digits as mean something.

/** Return a number in words of about four digits. */
export function formatNumber(value, digits = 3) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (size === 0) return "0";
  if (size >= 1e5 || size < 0.5 * 10 ** -digits) return value.toExponential(1).replaceAll("-", "−").replace("e+", "e");
  const places = Math.max(0, digits - (size >= 1000 ? 3 : size >= 100 ? 2 : size >= 10 ? 1 : 0));
  return value.toFixed(places).replace("-", "−");
}

/** Return a number that is added to others: with its sign in front, and a space between. */
export function formatAddend(value, digits) {
  return `${value < 0 ? "−" : "+"} ${formatNumber(Math.abs(value), digits)}`;
}

/** Return a number for a small cell: two digits after the point, however small it is. */
export function formatShort(value) {
  return Math.abs(value) < 0.005 ? "0.00" : formatNumber(value, 2);
}

/** Return a share in percent, on one line. */
export function formatPercent(share) {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}
