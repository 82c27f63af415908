/**
 * The lines of one attempt that this page has: any part of them, a million without weight.
 *
 * Lines are numbered from 1 without holes, so they lie in blocks of 1024 numbers. A full block keeps one string and
 * the offsets of its lines instead of a thousand objects. What is far from the view can be dropped; it is asked for
 * again when it is looked at.
 */
import type { LogBatch, LogGap, LogPage } from "@/api/types";
import { plain } from "./ansi";
import { levelOf, type Level } from "./level";

export const BLOCK = 1024;

export const Flag = { HERE: 1, STDERR: 2, PARTIAL: 4, PLATFORM: 8, GAP: 16 } as const;
const LEVEL_SHIFT = 5;

class Block {
  /** Texts of single lines until the block is full. */
  private texts: (string | undefined)[] | null = [];
  private joined = "";
  private offsets: Uint32Array = EMPTY;
  readonly times = new Float64Array(BLOCK);
  readonly flags = new Uint8Array(BLOCK);
  count = 0;
  chars = 0;

  put(at: number, text: string, time: number, flags: number): void {
    if (this.texts === null || this.flags[at]! & Flag.HERE) return; // a line never changes
    this.texts[at] = text;
    this.times[at] = time;
    this.flags[at] = flags | Flag.HERE;
    this.count += 1;
    this.chars += text.length;
    if (this.count === BLOCK) this.seal();
  }

  text(at: number): string {
    return this.texts === null
      ? this.joined.slice(this.offsets[at], this.offsets[at + 1]! - 1)
      : (this.texts[at] ?? "");
  }

  /** Lines `from` to `to`, exclusive, in one string with a newline after each. */
  slice(from: number, to: number): string {
    if (this.texts === null) return this.joined.slice(this.offsets[from], this.offsets[to]);
    return `${this.texts.slice(from, to).join("\n")}\n`;
  }

  private seal(): void {
    const texts = this.texts as string[];
    this.offsets = new Uint32Array(BLOCK + 1);
    let length = 0;
    for (let at = 0; at < BLOCK; at += 1) {
      this.offsets[at] = length;
      length += texts[at]!.length + 1;
    }
    this.offsets[BLOCK] = length;
    this.joined = `${texts.join("\n")}\n`;
    this.texts = null;
  }
}
const EMPTY = new Uint32Array(0);

const MOST_JOINED = 1 << 16; // characters of a line that is put together from pieces

/** Put a number into a list in its order, once. */
function insert(numbers: number[], number: number): void {
  let at = numbers.length;
  while (at > 0 && numbers[at - 1]! > number) at -= 1;
  if (numbers[at - 1] !== number) numbers.splice(at, 0, number);
}

/** A run of lines for a search: `text` has a newline after each, `flags` one byte per line. */
export type Piece = { first: number; count: number; text: string; flags: Uint8Array };

export type Gap = { bytes: number; why: string; removed?: boolean };

export class LogStore {
  /** The highest number that is known to exist, whether the line is here or not. */
  last = 0;
  chars = 0;
  /** Rises with every change. */
  version = 0;
  /** The longest line seen, in characters. */
  widest = 0;
  private readonly blocks = new Map<number, Block>();
  private readonly gaps = new Map<number, Gap>();
  /** Pieces of a line that go on in the next number, in their order: what was sent before the line had its end. */
  readonly continued: number[] = [];
  /** Up to here nothing is kept any more: it was removed for its age. */
  private gone = 0;

  has(sequence: number): boolean {
    return sequence <= this.gone || ((this.flags(sequence) as number) & Flag.HERE) !== 0;
  }

  flags(sequence: number): number {
    if (sequence <= this.gone) return Flag.HERE | Flag.GAP;
    const index = sequence - 1;
    return this.blocks.get(Math.floor(index / BLOCK))?.flags[index % BLOCK] ?? 0;
  }

  /** As the job wrote it; "" when it is not here. */
  text(sequence: number): string {
    const index = sequence - 1;
    return sequence > this.gone && this.has(sequence) ? this.blocks.get(Math.floor(index / BLOCK))!.text(index % BLOCK) : "";
  }

  /** The whole line that ends with this number, with the pieces that were sent before. */
  line(sequence: number): string {
    let text = this.text(sequence);
    for (let at = sequence - 1; text.length < MOST_JOINED && this.goesOn(at); at -= 1) text = this.text(at) + text;
    return text;
  }

  /** Whether a number is a piece of a line of which the next number is a piece, too. */
  private goesOn(sequence: number): boolean {
    if (sequence < 1 || sequence <= this.gone) return false;
    const here = this.flags(sequence);
    const next = this.flags(sequence + 1);
    const odd = Flag.PLATFORM | Flag.GAP;
    return (here & Flag.PARTIAL) !== 0 && (next & Flag.HERE) !== 0 && ((here | next) & odd) === 0 && (here & Flag.STDERR) === (next & Flag.STDERR);
  }

  /** Epoch milliseconds. */
  time(sequence: number): number {
    const index = sequence - 1;
    return this.blocks.get(Math.floor(index / BLOCK))?.times[index % BLOCK] ?? 0;
  }

  gap(sequence: number): Gap | undefined {
    return this.gaps.get(sequence) ?? (sequence <= this.gone ? { bytes: 0, why: "" } : undefined);
  }

  /** Looked for once, then kept beside the line. */
  level(sequence: number): Level {
    const index = sequence - 1;
    const block = this.blocks.get(Math.floor(index / BLOCK));
    if (block === undefined) return 1;
    const at = index % BLOCK;
    const known = block.flags[at]! >> LEVEL_SHIFT;
    if (known !== 0) return known as Level;
    const level = levelOf(plain(block.text(at)));
    block.flags[at]! |= level << LEVEL_SHIFT;
    return level;
  }

  append(batch: LogBatch): void {
    const { first, base_time, times, lines } = batch;
    const marks = new Map<number, number>();
    const mark = (indices: readonly number[] | undefined, flag: number) => {
      for (const at of indices ?? []) marks.set(at, (marks.get(at) ?? 0) | flag);
    };
    mark(batch.stderr, Flag.STDERR);
    mark(batch.partial, Flag.PARTIAL);
    mark(batch.platform, Flag.PLATFORM);
    for (let at = 0; at < lines.length; at += 1) {
      this.put(first + at, lines[at]!, base_time + (times[at] ?? 0), marks.get(at) ?? 0);
    }
    this.reach(first + lines.length - 1);
  }

  addGap({ sequence, bytes, why, removed }: Omit<LogGap, "attempt">): void {
    this.gaps.set(sequence, { bytes, why, removed });
    if (removed) this.gone = Math.max(this.gone, sequence - 1);
    this.put(sequence, "", this.time(sequence - 1), Flag.GAP);
    this.reach(sequence);
  }

  /** A page of the stored lines. Numbers between its ends that it does not have are kept nowhere any more. */
  addPage(page: LogPage): void {
    for (const line of page.lines) {
      if (line.gap) this.addGap({ sequence: line.sequence, ...line.gap });
      else {
        const flags =
          (line.stream === "stderr" ? Flag.STDERR : 0) |
          (line.partial ? Flag.PARTIAL : 0) |
          (line.platform ? Flag.PLATFORM : 0);
        this.put(line.sequence, line.text ?? "", Date.parse(line.time), flags);
      }
    }
    const end = Math.min(page.next_after, page.last_sequence);
    for (let sequence = Math.max(this.gone + 1, page.first); sequence <= end; sequence += 1) {
      if (!this.has(sequence)) this.addGap({ sequence, bytes: 0, why: "" });
    }
    this.reach(page.last_sequence);
  }

  /** The first run of at most `most` numbers from `from` to `to` that are not here. */
  missing(from: number, to: number, most = 4 * BLOCK): { from: number; to: number } | null {
    let start = from;
    while (start <= to && this.has(start)) start = this.skip(start);
    if (start > to) return null;
    let end = start;
    const limit = Math.min(to, start + most - 1);
    while (end < limit && !this.has(end + 1)) end += 1;
    return { from: start, to: end };
  }

  /** Lines from `from` on that are here, up to the end of their block. */
  piece(from: number): Piece | null {
    if (from <= this.gone) {
      const count = Math.min(this.gone - from + 1, BLOCK);
      return { first: from, count, text: "\n".repeat(count), flags: new Uint8Array(count).fill(Flag.HERE | Flag.GAP) };
    }
    if (!this.has(from)) return null;
    const index = from - 1;
    const block = this.blocks.get(Math.floor(index / BLOCK))!;
    const start = index % BLOCK;
    let end = start;
    while (end < BLOCK && block.flags[end]! & Flag.HERE) end += 1;
    return { first: from, count: end - start, text: block.slice(start, end), flags: block.flags.slice(start, end) };
  }

  /** Drop what lies farthest from all of `points` until at most `most` characters are kept. */
  shrink(points: readonly number[], most: number): void {
    if (this.chars <= most) return;
    const near = points.map((sequence) => Math.floor((sequence - 1) / BLOCK));
    const distance = (key: number) => Math.min(...near.map((point) => Math.abs(key - point)));
    const open = Math.floor(Math.max(0, this.last - 1) / BLOCK); // still being filled by the stream
    const far = [...this.blocks.keys()]
      .filter((key) => key !== open)
      .sort((a, b) => distance(b) - distance(a));
    for (const key of far) {
      if (this.chars <= most * 0.9) break;
      this.chars -= this.blocks.get(key)!.chars;
      this.blocks.delete(key);
    }
    this.version += 1;
  }

  /** The number after the run of full blocks and lines that begins at `sequence`, which is here. */
  private skip(sequence: number): number {
    if (sequence <= this.gone) return this.gone + 1;
    const index = sequence - 1;
    const block = this.blocks.get(Math.floor(index / BLOCK))!;
    return block.count === BLOCK ? (Math.floor(index / BLOCK) + 1) * BLOCK + 1 : sequence + 1;
  }

  private put(sequence: number, text: string, time: number, flags: number): void {
    if (sequence < 1) return;
    const index = sequence - 1;
    const key = Math.floor(index / BLOCK);
    let block = this.blocks.get(key);
    if (block === undefined) this.blocks.set(key, (block = new Block()));
    const before = block.chars;
    block.put(index % BLOCK, text, time, flags);
    this.chars += block.chars - before;
    if (text.length > this.widest) this.widest = text.length;
    for (const piece of [sequence - 1, sequence]) if (this.goesOn(piece)) insert(this.continued, piece);
  }

  private reach(sequence: number): void {
    if (sequence > this.last) this.last = sequence;
    this.version += 1;
  }
}
