/** Moments and spans that stay right while they are looked at. */
import { useSyncExternalStore } from "react";
import { useWords } from "@/i18n";

// One clock for the page: it ticks while something looks at it.
const listeners = new Set<() => void>();
let now = Date.now();
let timer: number | null = null;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    if (document.hidden) return;
    now = Date.now();
    for (const one of listeners) one();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== null) {
      window.clearInterval(timer);
      timer = null;
    }
  };
}

const still = () => () => undefined;

/** Epoch milliseconds, new every second when `ticking`. */
export function useNow(ticking = true): number {
  return useSyncExternalStore(ticking ? subscribe : still, () => {
    if (timer === null) now = Math.floor(Date.now() / 1000) * 1000;
    return now;
  });
}

/** How long from `from` to `to`; ticks while there is no end yet. */
export function Duration({ from, to, ms }: { from?: string | null; to?: string | null; ms?: number | null }) {
  const { format } = useWords();
  const ticking = ms == null && from != null && to == null;
  const now = useNow(ticking);
  if (ms != null) return <span className="tabular">{format.duration(ms)}</span>;
  if (from == null) return <span className="text-faint">–</span>;
  const end = to == null ? now : Date.parse(to);
  const passed = Math.max(0, end - Date.parse(from));
  return <span className="tabular">{format.duration(ticking ? Math.floor(passed / 1000) * 1000 || passed : passed)}</span>;
}

/** `3 min ago`; the whole moment as tooltip. */
export function RelativeTime({ time }: { time: string | null | undefined }) {
  const { format } = useWords();
  const now = useNow();
  if (!time) return <span className="text-faint">–</span>;
  return (
    <time dateTime={time} title={format.moment(time)} className="whitespace-nowrap">
      {format.ago(time, Math.max(now, Date.parse(time)))}
    </time>
  );
}
