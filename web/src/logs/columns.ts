/** How many columns of a monospaced font a line takes, and whether only the browser knows for sure. */

export const MOST_SHOWN = 10_000; // characters of a line; more than a screen full of it

const PLAIN = /^[\x20-\x7e]*$/;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud83c-\ud83e][\udc00-\udfff]/g;

export function columns(line: string): { columns: number; exact: boolean } {
  const length = Math.min(line.length, MOST_SHOWN);
  if (PLAIN.test(line)) return { columns: length, exact: true };
  let extra = 0;
  for (let at = line.indexOf("\t"), shift = 0; at >= 0 && at < length; at = line.indexOf("\t", at + 1)) {
    const width = 8 - ((at + shift) % 8);
    shift += width - 1;
    extra = shift;
  }
  return { columns: length + extra + (line.match(WIDE)?.length ?? 0), exact: false };
}
