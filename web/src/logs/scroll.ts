/**
 * Where a long list stands: a row and the pixels of it that are above the view. Pure arithmetic over heights.
 *
 * A browser draws nothing below some 16 to 33 million pixels, which two million lines exceed. So the scrolled area is
 * never higher than `TALLEST`: small movements move the rows by as many pixels, large ones (the bar is dragged) go to
 * the same share of the rows, and when all is still the bar is put where the rows stand.
 */

export type Place = { row: number; px: number };
export type Measure = { rows: number; view: number; line: number; height: (row: number) => number };

export const TALLEST = 12_000_000;

/** Height of the scrolled area. */
export function area({ rows, line, view }: Measure): number {
  return Math.max(view, Math.min(rows * line, TALLEST));
}

/** The place at which the last row ends with the view. */
export function endOf(measure: Measure): Place {
  let rest = measure.view;
  for (let row = measure.rows - 1; row >= 0; row -= 1) {
    rest -= measure.height(row);
    if (rest <= 0) return { row, px: -rest };
  }
  return { row: 0, px: 0 };
}

export function isBefore(a: Place, b: Place): boolean {
  return a.row < b.row || (a.row === b.row && a.px < b.px);
}

/** Not before the first row, not after the end. */
export function within(place: Place, measure: Measure): Place {
  if (place.row < 0) return { row: 0, px: 0 };
  const end = endOf(measure);
  return isBefore(end, place) ? end : place;
}

/** So many pixels further down, or up with less than 0. */
export function moved(place: Place, by: number, measure: Measure): Place {
  let { row, px } = place;
  px += by;
  while (px < 0 && row > 0) px += measure.height((row -= 1));
  if (px < 0) return { row: 0, px: 0 };
  while (row < measure.rows - 1 && px >= measure.height(row)) px -= measure.height(row++);
  return within({ row, px }, measure);
}

/** Whether the scroll position and the rows agree pixel by pixel. */
export function isExact(measure: Measure, uniform: boolean): boolean {
  return uniform && measure.rows * measure.line <= TALLEST;
}

/** The place at a scroll position, by its share of the whole. */
export function placeAt(top: number, measure: Measure): Place {
  const whole = area(measure) - measure.view;
  if (whole <= 0 || top <= 0) return { row: 0, px: 0 };
  const end = endOf(measure);
  if (top >= whole - 1) return end;
  const at = (top / whole) * (end.row + end.px / measure.line);
  const row = Math.floor(at);
  return within({ row, px: Math.floor((at - row) * measure.line) }, measure);
}

/** The scroll position that fits a place. */
export function topOf(place: Place, measure: Measure): number {
  const whole = area(measure) - measure.view;
  const end = endOf(measure);
  const span = end.row + end.px / measure.line;
  return span <= 0 ? 0 : Math.min(whole, ((place.row + place.px / measure.line) / span) * whole);
}

/** The rows that can be seen, the last one exclusive. */
export function seen(place: Place, measure: Measure): { from: number; to: number } {
  let y = -place.px;
  let to = place.row;
  while (to < measure.rows && y < measure.view) y += measure.height(to++);
  return { from: place.row, to };
}
