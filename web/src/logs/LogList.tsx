import { type KeyboardEvent, type ReactNode, type Ref, useCallback, useImperativeHandle, useLayoutEffect, useReducer, useRef } from "react";
import { area, endOf, isBefore, isExact, type Measure, moved, type Place, placeAt, seen, topOf, within } from "./scroll";

export type LogListHandle = {
  /** Put a row at the top, or in the middle of the view. */
  show: (row: number, where?: "top" | "middle") => void;
  /** The row at the top. */
  top: () => number;
};

type Props = {
  ref: Ref<LogListHandle>;
  label: string;
  rows: number;
  line: number;
  /** Heights differ from row to row. */
  wrapped: boolean;
  height: (row: number) => number;
  row: (row: number) => ReactNode;
  /** Pixels that the widest row takes. */
  width: number;
  following: boolean;
  /** The reader moved: to the end, or away from it. */
  onMove: (atEnd: boolean) => void;
  onSeen: (from: number, to: number) => void;
  onSize: (width: number) => void;
  onKey?: (event: KeyboardEvent) => void;
};

const STILL_MS = 140;

/** Rows of a log: only those in view are in the document. The layer with them stays in view while the area scrolls. */
export function LogList(props: Props) {
  const { ref, label, rows, line, wrapped, height, row, width, following, onMove, onSeen, onSize, onKey } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const place = useRef<Place>({ row: 0, px: 0 });
  const view = useRef(600);
  const lastTop = useRef(0);
  const still = useRef<number | null>(null);
  const [, draw] = useReducer((n: number) => n + 1, 0);

  const measure: Measure = { rows, view: view.current, line, height };
  const latest = useRef({ measure, wrapped, following, onMove });
  latest.current = { measure, wrapped, following, onMove };

  place.current = following ? endOf(measure) : within(place.current, measure);
  const { from, to } = seen(place.current, measure);

  const putBar = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    const { measure, wrapped } = latest.current;
    const { row, px } = place.current;
    const top = isExact(measure, !wrapped) ? row * measure.line + px : topOf(place.current, measure);
    if (Math.abs(element.scrollTop - top) >= 1) element.scrollTop = top;
    lastTop.current = element.scrollTop;
  }, []);

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (element === null) return;
    const { measure, wrapped, onMove } = latest.current;
    const top = element.scrollTop;
    const delta = top - lastTop.current;
    if (Math.abs(delta) < 1) return;
    lastTop.current = top;
    const exact = isExact(measure, !wrapped);
    if (exact) place.current = within({ row: Math.floor(top / measure.line), px: top % measure.line }, measure);
    else if (Math.abs(delta) > 3 * measure.view || top <= 0 || top >= area(measure) - measure.view - 1) {
      place.current = placeAt(top, measure);
    } else place.current = moved(place.current, delta, measure);
    onMove(delta > 0 && !isBefore(place.current, endOf(measure)));
    draw();
    if (!exact) {
      if (still.current !== null) window.clearTimeout(still.current);
      still.current = window.setTimeout(putBar, STILL_MS);
    }
  }, [putBar]);

  useImperativeHandle(
    ref,
    () => ({
      show: (row, where = "middle") => {
        const { measure } = latest.current;
        const above = where === "middle" ? Math.floor((measure.view - measure.line) / 2) : 0;
        place.current = moved({ row, px: 0 }, -above, measure);
        putBar();
        draw();
      },
      top: () => place.current.row,
    }),
    [putBar],
  );

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      view.current = element.clientHeight;
      onSize(element.clientWidth);
      draw();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [onSize]);

  // the bar follows the rows whenever they moved without it
  useLayoutEffect(() => {
    if (following || isExact(measure, !wrapped)) putBar();
  });
  useLayoutEffect(() => onSeen(from, to), [from, to, rows, onSeen]);

  const shown: ReactNode[] = [];
  for (let at = from; at < to; at += 1) shown.push(row(at));
  return (
    <div
      ref={scroller}
      role="log"
      aria-label={label}
      aria-live="off"
      tabIndex={0}
      onScroll={onScroll}
      onWheel={(event) => event.deltaY < 0 && following && rows * line > view.current && onMove(false)}
      onKeyDown={onKey}
      className="h-full min-h-0 flex-1 overflow-auto overscroll-contain bg-term font-mono text-term-ink outline-offset-[-2px] [overflow-anchor:none]"
      style={{ fontSize: 12.5, lineHeight: `${line}px` }}
    >
      <div style={{ height: area(measure), minWidth: wrapped ? undefined : width }}>
        <div className="sticky top-0 overflow-hidden" style={{ height: view.current }}>
          <div style={{ transform: `translateY(${-place.current.px}px)` }}>{shown}</div>
        </div>
      </div>
    </div>
  );
}
