import { memo, type ReactNode, useLayoutEffect, useRef } from "react";
import { classes } from "@/parts/classes";
import { css, readable, type Span, spans, type Style } from "./ansi";
import { MOST_SHOWN } from "./columns";
import { Level } from "./level";
import type { Range } from "./search";

type Props = {
  sequence: number;
  /** As the job wrote it. */
  text: string;
  level: Level;
  stderr: boolean;
  platform: boolean;
  time: string | null;
  ranges: readonly Range[] | null;
  current: boolean;
  linked: boolean;
  /** Columns after which a line goes on in the next; null for never. */
  wrapped: number | null;
  digits: number;
  href: string;
  linkLabel: string;
  /** What follows a line that is too long to be shown whole. */
  cut: string | null;
  onLink: (sequence: number) => void;
  /** Given when only the browser knows how high the row is. */
  onHeight?: (sequence: number, height: number) => void;
};

const LEVELS: Record<Level, [letter: string, look: string] | null> = {
  [Level.NONE]: null,
  [Level.ERROR]: ["E", "text-bad"],
  [Level.WARN]: ["W", "text-warn"],
  [Level.INFO]: ["I", "text-busy"],
  [Level.DEBUG]: ["D", "text-faint"],
};

/** One line: its number, when, how serious, and what was written. Only ever text. */
export const LogRow = memo(function LogRow(props: Props) {
  const { sequence, text, level, stderr, platform, time, ranges, current, linked, wrapped, digits, href, linkLabel, cut, onLink, onHeight } = props;
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (onHeight && element.current) onHeight(sequence, element.current.offsetHeight);
  });
  const mark = LEVELS[level];
  return (
    <div
      ref={element}
      data-line={sequence}
      className={classes(
        "flex pr-4 hover:bg-hover",
        linked ? "bg-accent-soft" : current ? "bg-warn-soft" : level === Level.ERROR && "bg-bad-soft/60",
      )}
    >
      <a
        href={href}
        aria-label={linkLabel}
        tabIndex={-1}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          onLink(sequence);
        }}
        className="shrink-0 select-none pl-3 pr-2 text-right text-faint no-underline hover:text-accent"
        style={{ width: `calc(${digits}ch + 1.25rem)` }}
      >
        {sequence}
      </a>
      <span
        aria-hidden
        className={classes("w-[2ch] shrink-0 select-none text-center font-semibold", mark?.[1])}
        title={stderr ? "stderr" : undefined}
      >
        {mark?.[0] ?? (stderr ? "!" : "")}
      </span>
      {time !== null && <span className="shrink-0 select-none pr-3 text-faint">{time}</span>}
      <span
        className={classes(
          "[tab-size:8]",
          wrapped === null ? "min-w-0 flex-1 whitespace-pre" : "shrink-0 whitespace-break-spaces break-all [line-break:anywhere]",
          platform ? "italic text-muted" : level === Level.ERROR ? "text-bad" : level === Level.WARN ? "text-warn" : stderr && "text-term-ink/85",
        )}
        style={wrapped === null ? undefined : { width: `calc(${wrapped}ch + 0.5px)` }}
      >
        {pieces(spans(text.length > MOST_SHOWN ? text.slice(0, MOST_SHOWN) : text), ranges)}
        {cut !== null && <span className="italic text-faint">{cut}</span>}
        {text === "" && "\u200b"}
      </span>
    </div>
  );
});

/** Spans cut where a match begins or ends. */
function pieces(line: readonly Span[], ranges: readonly Range[] | null): ReactNode[] {
  const shown: ReactNode[] = [];
  let offset = 0;
  let next = 0;
  let key = 0;
  for (const { text, style } of line) {
    let at = 0;
    while (at < text.length) {
      while (ranges && next < ranges.length && ranges[next]![1] <= offset + at) next += 1;
      const range = ranges?.[next];
      const from = range ? Math.max(0, range[0] - offset) : text.length;
      const inside = from <= at;
      const to = Math.min(text.length, inside ? range![1] - offset : from);
      shown.push(piece(key++, text.slice(at, to), style, inside));
      at = to;
    }
    offset += text.length;
  }
  return shown;
}

function piece(key: number, text: string, style: Style | null, found: boolean): ReactNode {
  if (found)
    return (
      <mark key={key} className="rounded-xs bg-[var(--found)] text-[var(--found-ink)]">
        {text}
      </mark>
    );
  if (style === null) return text;
  return (
    <span key={key} style={looks(style)}>
      {text}
    </span>
  );
}

function looks({ fg, bg, bold, dim, italic, underline, inverse, strike }: Style): React.CSSProperties {
  const shade = bg === undefined && !inverse ? readable : css; // on a background of its own the colours are the job's
  const front = fg === undefined ? undefined : shade(bold && typeof fg === "number" && fg < 8 ? fg + 8 : fg);
  const back = bg === undefined ? undefined : css(bg);
  const lines = [underline && "underline", strike && "line-through"].filter(Boolean).join(" ");
  return {
    color: inverse ? (back ?? "var(--term)") : front,
    backgroundColor: inverse ? (front ?? "var(--term-ink)") : back,
    fontWeight: bold ? 600 : undefined,
    opacity: dim ? 0.7 : undefined,
    fontStyle: italic ? "italic" : undefined,
    textDecoration: lines || undefined,
  };
}
