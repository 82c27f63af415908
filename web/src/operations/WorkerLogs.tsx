import { useLayoutEffect, useRef } from "react";
import type { Worker } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, CopyButton, ErrorPanel, Skeleton } from "@/parts";
import { useWorkerLogs } from "./queries";
import { readable } from "./reading";

/** What the agent printed, kept at its end unless one has scrolled up. */
export function WorkerLogs({ worker }: { worker: Worker }) {
  const { t } = useWords();
  const { data, error, refetch } = useWorkerLogs(worker.id, worker.ended_at === null);
  const place = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  const text = data?.lines.map(readable).join("\n");
  useLayoutEffect(() => {
    if (place.current && atEnd.current) place.current.scrollTop = place.current.scrollHeight;
  }, [text]);
  return (
    <Card title={t("workers.logs")} actions={text ? <CopyButton text={text} /> : undefined}>
      {error && data === undefined ? (
        <ErrorPanel error={error} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton lines={4} />
      ) : (
        <>
          {data.truncated && <p className="mb-2 text-xs text-muted">{t("workers.logs.cut")}</p>}
          {text === "" ? (
            <p className="text-sm text-muted">{t("workers.logs.empty")}</p>
          ) : (
            <pre
              ref={place}
              tabIndex={0}
              aria-label={t("workers.logs")}
              onScroll={({ currentTarget: it }) => {
                atEnd.current = it.scrollTop + it.clientHeight >= it.scrollHeight - 4;
              }}
              className="max-h-80 overflow-auto whitespace-pre-wrap break-words rounded-lg border border-line bg-term px-3 py-2.5 font-mono text-xs text-term-ink"
            >
              {text}
            </pre>
          )}
        </>
      )}
    </Card>
  );
}
