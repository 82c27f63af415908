import { useCallback, useMemo, useReducer, useRef } from "react";
import { plain } from "./ansi";
import { columns } from "./columns";
import type { LogStore } from "./store";

export const LINE = 20; // pixels
export const TIME_COLUMNS = 12;
const MOST_KEPT = 20_000;

/** How wide the columns of the log are, and how high a line is when it goes on in the next row. */
export function useRowHeights(store: LogStore, room: number, timed: boolean, wrapped: boolean) {
  const cell = useCellWidth();
  const digits = Math.max(4, String(store.last).length);
  const gutter = Math.ceil((digits + 2 + (timed ? TIME_COLUMNS : 0)) * cell + (timed ? 48 : 36)); // with what is around the columns
  const perLine = Math.max(20, Math.floor((room - gutter) / cell));
  const measured = useRef({ perLine, heights: new Map<number, number>() });
  if (measured.current.perLine !== perLine) measured.current = { perLine, heights: new Map() };
  const [, draw] = useReducer((n: number) => n + 1, 0);

  const heightOf = (sequence: number): number => {
    if (!wrapped) return LINE;
    const known = measured.current.heights.get(sequence);
    return known ?? Math.max(1, Math.ceil(columns(plain(store.line(sequence))).columns / perLine)) * LINE;
  };
  /** For lines whose width only the browser knows. */
  const onHeight = useCallback((sequence: number, pixels: number) => {
    const { heights } = measured.current;
    if (heights.get(sequence) === pixels) return;
    if (heights.size > MOST_KEPT) heights.clear();
    heights.set(sequence, pixels);
    draw();
  }, []);
  return { cell, digits, gutter, perLine, heightOf, onHeight };
}

/** The width of a character in the font of the page. */
function useCellWidth(): number {
  return useMemo(() => {
    const probe = document.createElement("span");
    probe.className = "font-mono";
    probe.style.cssText = "position:absolute;visibility:hidden;font-size:12.5px;white-space:pre";
    probe.textContent = "0".repeat(100);
    document.body.append(probe);
    const width = probe.getBoundingClientRect().width / 100;
    probe.remove();
    return width || 7.5;
  }, []);
}
