/**
 * Lines as a terminal would colour them. SGR sequences become styles, every other escape is left out, and characters
 * that would hide or reorder text are made visible: a job must not be able to make its log read as something else.
 */

/** A palette index 0–255, or `#rrggbb`. */
export type Color = number | `#${string}`;

export type Style = {
  fg?: Color;
  bg?: Color;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  inverse?: boolean;
  strike?: boolean;
};

export type Span = { text: string; style: Style | null };

// Control characters but the tabulator; bidirectional marks, invisible separators.
const STRANGE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;
const STRANGES = new RegExp(STRANGE, "g");
// CSI; OSC, DCS, SOS, PM, APC with their ends; two-character escapes.
const ESCAPE =
  /(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~])?|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;

/** A line without escapes and with strange characters shown: what is searched, counted and copied. */
export function plain(text: string): string {
  if (!STRANGE.test(text)) return text;
  return shown(overwritten(text).replace(ESCAPE, ""));
}

/** The line in pieces of one style each. */
export function spans(text: string): Span[] {
  if (!STRANGE.test(text)) return [{ text, style: null }];
  const line = overwritten(text);
  const found: Span[] = [];
  let style: Style | null = null;
  let from = 0;
  const push = (piece: string) => {
    if (piece !== "") found.push({ text: shown(piece), style });
  };
  ESCAPE.lastIndex = 0;
  for (let match = ESCAPE.exec(line); match !== null; match = ESCAPE.exec(line)) {
    push(line.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[3] === "m" && match[2] === "") style = restyled(style, match[1] ?? "");
  }
  push(line.slice(from));
  return found;
}

/** What remains on a line that was overwritten from its beginning, as progress bars do. */
function overwritten(text: string): string {
  if (!text.includes("\r")) return text;
  const pieces = text.split("\r");
  return pieces.findLast((piece) => piece !== "") ?? "";
}

/** Strange characters as pictures or code points. */
/** Strange characters as signs that can be seen. */
export function shown(text: string): string {
  return text.replace(STRANGES, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

function restyled(before: Style | null, parameters: string): Style | null {
  const style: Style = { ...before };
  // `38:2::r:g:b` is the standard's form of `38;2;r;g;b`; an absent number is 0
  const groups = parameters.split(";");
  for (let at = 0; at < groups.length; at += 1) {
    const group = groups[at] ?? "";
    const parts = group.split(":");
    const code = Number(parts[0] === "" ? 0 : parts[0]);
    if (code === 38 || code === 48) {
      const colons = parts.length > 1;
      const rest = colons ? parts.slice(1) : groups.slice(at + 1);
      const [color, used] = extended(rest, colons);
      if (color !== null) style[code === 38 ? "fg" : "bg"] = color;
      if (!colons) at += used;
    } else apply(style, code, parts[1]);
  }
  return Object.keys(style).length === 0 ? null : style;
}

/** The colour that 38 and 48 introduce, and how many parameters it took. */
function extended(rest: readonly string[], colons: boolean): [Color | null, number] {
  const kind = Number(rest[0] ?? 0);
  if (kind === 5) {
    const index = Number(rest[1] ?? 0);
    return [index >= 0 && index <= 255 ? index : null, 2];
  }
  if (kind === 2) {
    const numbers = colons && rest.length > 4 ? rest.slice(2, 5) : rest.slice(1, 4);
    const bytes = numbers.map((n) => Math.max(0, Math.min(255, Number(n) || 0)));
    if (bytes.length < 3) return [null, 4];
    return [`#${bytes.map((b) => b.toString(16).padStart(2, "0")).join("")}`, 4];
  }
  return [null, 1];
}

const ON: Record<number, keyof Style> = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const OFF: Record<number, readonly (keyof Style)[]> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
  39: ["fg"],
  49: ["bg"],
};

function apply(style: Style, code: number, variant: string | undefined): void {
  const on = ON[code];
  if (code === 0) for (const name of Object.keys(style) as (keyof Style)[]) delete style[name];
  else if (code === 4 && variant === "0") delete style.underline;
  else if (on !== undefined) Object.assign(style, { [on]: true });
  else if (code === 21) style.underline = true;
  else if (code in OFF) for (const name of OFF[code]!) delete style[name];
  else if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
}

/** The backgrounds of the log, light and dark (`--term` in styles.css). */
const BACKGROUNDS = ["#fbfcfd", "#0b0e12"] as const;
const READABLE = 4.5; // contrast of text that WCAG asks for

/** A colour for text on the log's background: one that could not be read there is moved towards what can. */
export function readable(color: Color): string {
  if (typeof color === "number" && color < 16) return css(color);
  const [light, dark] = BACKGROUNDS.map((background, at) => contrasting(rgbOf(css(color)), rgbOf(background), at === 0 ? 0 : 255));
  return `light-dark(${light}, ${dark})`;
}

type Rgb = readonly [number, number, number];

/** The numbers of `#rrggbb` or `rgb(r g b)`. */
export function rgbOf(text: string): Rgb {
  const found = text.startsWith("#") ? (text.slice(1).match(/../g) ?? []).map((two) => parseInt(two, 16)) : (text.match(/\d+/g) ?? []).map(Number);
  return [found[0] ?? 0, found[1] ?? 0, found[2] ?? 0];
}

/** As WCAG has it: 1 is none, 21 is black on white. */
export function contrast(one: Rgb, other: Rgb): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((n) => (n <= 10 ? n / 3294 : ((n / 255 + 0.055) / 1.055) ** 2.4)) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrasting(color: Rgb, background: Rgb, towards: number): string {
  let now = color;
  for (let share = 0; share <= 1; share += 0.05) {
    now = color.map((n) => Math.round(n + (towards - n) * share)) as unknown as Rgb;
    if (contrast(now, background) >= READABLE) break;
  }
  return `rgb(${now.join(" ")})`;
}

/** A colour for CSS: the first sixteen are the theme's, so that they can be read on its background. */
export function css(color: Color): string {
  if (typeof color === "string") return color;
  if (color < 16) return `var(--ansi-${color})`;
  if (color >= 232) {
    const grey = 8 + (color - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const cube = color - 16;
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40);
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}
