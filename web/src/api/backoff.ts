/** How long to wait before the n-th attempt to connect again: about 0.5, 1, 2 … 15 s, so that many pages do not come at once. */
export function waitBefore(attempt: number, random: number = Math.random()): number {
  return Math.min(15_000, 500 * 2 ** Math.min(attempt, 10)) * (0.75 + random / 2);
}
