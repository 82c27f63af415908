import { useWords } from "@/i18n";
import { classes, StateBadge } from "@/parts";
import type { LogFeed } from "./feed";

type Props = {
  feed: LogFeed;
  paused: boolean;
  shown: number;
  total: number;
  cleared: number;
  onUnclear: () => void;
  onAttempt: (attempt: number) => void;
  progress: string | null;
};

const LOOKS = { loading: "bg-wait", live: "bg-good", reconnecting: "bg-warn animate-pulse", ended: "bg-wait", failed: "bg-bad" };

/** How the log stands: live or complete, how many lines, whether another attempt goes on. */
export function StatusBar({ feed, paused, shown, total, cleared, onUnclear, onAttempt, progress }: Props) {
  const { t } = useWords();
  const visible = total - cleared;
  return (
    <footer className="flex min-h-8 flex-wrap items-center gap-x-4 gap-y-1 border-t border-line bg-surface px-3 py-1 text-xs text-muted">
      <span role="status" className="flex items-center gap-1.5">
        <span aria-hidden className={classes("size-2 rounded-full", paused ? "bg-warn" : LOOKS[feed.state])} />
        {t(paused ? "logs.state.paused" : `logs.state.${feed.state}`)}
      </span>
      {feed.end !== null && feed.newest === feed.attempt && <StateBadge state={feed.end} />}
      <span className="tabular">
        {shown === visible || paused ? t("logs.lines", { n: visible }) : t("logs.shown", { shown, n: visible })}
      </span>
      {progress !== null && <span className="tabular">{t("logs.searching", { percent: progress })}</span>}
      {cleared > 0 && (
        <button type="button" onClick={onUnclear} className="text-accent hover:underline">
          {t("logs.unclear", { n: cleared })}
        </button>
      )}
      {feed.newest > feed.attempt && feed.attempt > 0 && (
        <span className="flex items-center gap-1.5 font-medium text-step">
          {t("logs.next-attempt", { number: feed.newest })}
          <button type="button" onClick={() => onAttempt(feed.newest)} className="text-accent underline">
            {t("logs.go-there")}
          </button>
        </span>
      )}
    </footer>
  );
}
