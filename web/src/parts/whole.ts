/** What is said of a line without pointing at it: the sum of counts, else the latest value. */
export function wholeOf(values: readonly (number | null)[], counts: boolean): number | null | undefined {
  const known = values.filter((one) => one !== null);
  return counts ? known.reduce((sum, one) => sum + one, 0) : known.at(-1);
}
