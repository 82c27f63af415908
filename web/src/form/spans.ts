/** Durations as people type them: `120000` (milliseconds), `90s`, `5m`, `1h30m`, `2 d`. */

const UNITS: Record<string, number> = { ms: 1, s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds; null for nothing, NaN for what is no duration. */
export function parseSpan(text: string): number | null {
  const clean = text.trim().toLowerCase();
  if (clean === "") return null;
  if (/^\d+$/.test(clean)) return Number(clean);
  const part = /\s*(\d+(?:[.,]\d+)?)\s*(ms|sec|s|min|m|h|d)/y;
  let total = 0;
  while (part.lastIndex < clean.length) {
    const match = part.exec(clean);
    if (match === null) return Number.NaN;
    total += Number(match[1]!.replace(",", ".")) * UNITS[match[2]!]!;
  }
  return Math.round(total);
}

/** The same in the shortest exact form, as commands take it: `90s`, `1h30m`, `1500ms`. */
export function spanText(ms: number): string {
  if (ms % 1000 !== 0) return `${ms}ms`;
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, size] of [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000]] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.join("") || "0s";
}
