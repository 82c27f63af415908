import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useRouterState, useSearch } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useCallback, useState } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import type { Job } from "@/api/types";
import { useWords } from "@/i18n";
import { readable } from "@/operations/reading";
import { LogViewer } from "@/logs/LogViewer";
import type { LogSearch } from "@/logs/address";
import { hashOf, lineOf } from "@/logs/view";
import { buttonClass, ErrorPanel, Select, StateBadge } from "@/parts";
import { useTitle } from "@/state/title";

export default function JobLogs() {
  const { t } = useWords();
  const { jobId } = useParams({ from: "/jobs/$jobId/logs" });
  const search = useSearch({ from: "/jobs/$jobId/logs" });
  const linked = lineOf(useRouterState({ select: (state) => state.location.hash }));
  const navigate = useNavigate();
  const job = useQuery({ queryKey: keys.job(jobId), queryFn: ({ signal }) => api<Job>(`/jobs/${encodeURIComponent(jobId)}`, { signal }) });

  const newest = job.data?.attempt ?? 0;
  const attempt = linked?.attempt ?? (Number(search.attempt) || 0);
  // opened as "the newest" it shows attempt 1, say; a link to one of its lines then names 1 and must not open it anew
  const [opened, setOpened] = useState({ as: attempt, shows: attempt });
  if (attempt !== 0 && attempt !== opened.shows) setOpened({ as: attempt, shows: attempt });
  const started = job.data?.attempts.find((one) => one.number === (attempt || newest))?.started_at ?? null;

  const onLine = useCallback(
    (at: number, line: number) => {
      setOpened((before) => ({ ...before, shows: at }));
      void navigate({ to: "/jobs/$jobId/logs", params: { jobId }, search: (before: LogSearch & { attempt?: string }) => ({ ...before, attempt: undefined }), hash: hashOf(at, line), replace: true, resetScroll: false, hashScrollIntoView: false });
    },
    [navigate, jobId],
  );
  const onAttempt = useCallback(
    (number: number) => void navigate({ to: "/jobs/$jobId/logs", params: { jobId }, search: (before: LogSearch & { attempt?: string }) => ({ ...before, attempt: String(number) }), replace: true }),
    [navigate, jobId],
  );

  const name = job.data ? readable(job.data.name ?? "") || jobId : t("logs.title");
  useTitle(job.data ? `${name} · ${t("logs.title")}` : name);
  const onSought = useCallback(
    (next: LogSearch) =>
      void navigate({ to: "/jobs/$jobId/logs", params: { jobId }, search: (before: LogSearch & { attempt?: string }) => ({ attempt: before.attempt, ...next }), hash: true, replace: true, resetScroll: false, hashScrollIntoView: false }),
    [navigate, jobId],
  );
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-surface px-3 py-2">
        <Link to="/jobs/$jobId" params={{ jobId }} aria-label={t("logs.back")} title={t("logs.back")} className={buttonClass({ look: "ghost", size: "sm", square: true })}>
          <ArrowLeft size={17} aria-hidden />
        </Link>
        <h1 className="min-w-0 flex-1 truncate font-semibold">{name}</h1>
        {job.data && <StateBadge state={job.data.state} />}
        {job.data && job.data.attempts.length > 1 && (
          <Select aria-label={t("logs.attempt")} value={String(attempt || newest)} onChange={(event) => onAttempt(Number(event.target.value))} className="!w-auto">
            {job.data.attempts.map(({ number }) => (
              <option key={number} value={number}>
                {t("logs.attempt.n", { number })}
              </option>
            ))}
          </Select>
        )}
      </header>
      {job.error && !job.data ? (
        <div className="p-4">
          <ErrorPanel error={job.error} onRetry={() => void job.refetch()} />
        </div>
      ) : (
        <LogViewer key={`${jobId}:${opened.as}`} job={jobId} attempt={opened.as} startedAt={started} line={linked?.line ?? null} onLine={onLine} onAttempt={onAttempt} search={search} onSought={onSought} />
      )}
    </div>
  );
}
