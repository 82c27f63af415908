import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { isOver, type Job, type LogPage } from "@/api/types";
import { useWords } from "@/i18n";
import { plain } from "@/logs/ansi";
import { Level, levelOf } from "@/logs/level";
import { LogStore } from "@/logs/store";
import { Card, classes, ErrorPanel, Skeleton } from "@/parts";

const LINES = 12;
const EVERY_MS = 1500;

/** The last lines that a job wrote. */
export function JobTail({ job }: { job: Job }) {
  const { t } = useWords();
  const tail = useQuery({
    queryKey: keys.jobTail(job.id, job.attempt),
    queryFn: ({ signal }) => api<LogPage>(`/jobs/${encodeURIComponent(job.id)}/logs`, { query: { tail: LINES }, signal }),
    refetchInterval: isOver(job.state) || job.state === "PENDING" ? false : EVERY_MS,
  });
  const store = useMemo(() => {
    const found = new LogStore();
    if (tail.data) found.addPage(tail.data);
    return found;
  }, [tail.data]);
  const lines = (tail.data?.lines ?? []).filter(({ sequence }) => !store.continued.includes(sequence));
  return (
    <Card
      title={t("job.tail")}
      flush
      className="overflow-hidden"
      actions={
        <Link to="/jobs/$jobId/logs" params={{ jobId: job.id }} className="text-sm font-medium text-accent hover:underline">
          {t("logs.full")}
        </Link>
      }
    >
      {tail.error && !tail.data ? (
        <div className="p-4"><ErrorPanel error={tail.error} onRetry={() => void tail.refetch()} /></div>
      ) : tail.isPending ? (
        <Skeleton lines={4} className="p-4" />
      ) : lines.length === 0 ? (
        <p className="border-t border-line px-4 py-6 text-center text-sm text-muted">{t("job.tail.empty")}</p>
      ) : (
        <div className="overflow-x-auto border-t border-line bg-term py-2 font-mono text-xs leading-5 text-term-ink">
          {lines.map((line) => {
            const text = plain(store.line(line.sequence));
            const level = levelOf(text);
            return (
              <div key={line.sequence} className={classes("whitespace-pre px-4", level === Level.ERROR ? "text-bad" : level === Level.WARN ? "text-warn" : line.stream === "stderr" && "text-muted")}>
                {line.gap ? "···" : text.slice(0, 500) || "\u200b"}
              </div>
            );
          })}
        </div>
      )}
    </Card>
  );
}
