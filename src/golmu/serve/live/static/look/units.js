// Hidden units on a grid.

export const UNIT_COLUMNS = 10;

/** Return hidden units (U,) as a map of `UNIT_COLUMNS` columns; what is left of the last row is 0. */
export function unitsMap(values) {
  const width = Math.min(UNIT_COLUMNS, values.length),
    height = Math.ceil(values.length / width),
    all = new Float32Array(height * width);
  all.set(values);
  return { values: all, height, width };
}
