import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Ban, Copy, Expand, RotateCw } from "lucide-react";
import { useState } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { isOver, type Job } from "@/api/types";
import { useWords } from "@/i18n";
import { JobAttempts } from "@/jobs/JobAttempts";
import { JobConfig } from "@/jobs/JobConfig";
import { JobOverview } from "@/jobs/JobOverview";
import { JobState, ProgressBar, useJobName } from "@/jobs/JobRow";
import { UsageCharts } from "@/jobs/UsageCharts";
import { useJobActions } from "@/jobs/useJobActions";
import { LogViewer } from "@/logs/LogViewer";
import { hashOf } from "@/logs/view";
import { Button, buttonClass, Card, Confirm, CopyButton, ErrorPanel, PageHead, Select, Skeleton, type Tab, Tabs } from "@/parts";

/** Everything about one job. */
export default function JobDetails() {
  const { t } = useWords();
  const { jobId } = useParams({ from: "/jobs/$jobId" });
  const { tab = "overview" } = useSearch({ from: "/jobs/$jobId" });
  const navigate = useNavigate();
  const job = useQuery({
    queryKey: keys.job(jobId),
    queryFn: ({ signal }) => api<Job>(`/jobs/${encodeURIComponent(jobId)}`, { signal }),
  });
  if (job.data === undefined)
    return job.error ? <ErrorPanel error={job.error} onRetry={() => void job.refetch()} /> : <Card><Skeleton lines={8} /></Card>;
  const known = job.data;
  const tabs: Tab[] = [
    { value: "overview", label: t("job.tab.overview"), content: <JobOverview job={known} /> },
    { value: "config", label: t("job.tab.config"), content: <JobConfig job={known} /> },
    { value: "logs", label: t("job.tab.logs"), content: tab === "logs" && <Logs job={known} /> },
    { value: "resources", label: t("job.tab.resources"), content: tab === "resources" && <Resources job={known} /> },
    ...(known.attempts.length > 1 ? [{ value: "attempts", label: `${t("job.tab.attempts")} (${known.attempts.length})`, content: <JobAttempts job={known} /> }] : []),
  ];
  return (
    <>
      <Head job={known} />
      <Tabs
        label={t("job.tabs")}
        tabs={tabs}
        value={tabs.some(({ value }) => value === tab) ? tab : "overview"}
        onChange={(next) => void navigate({ to: "/jobs/$jobId", params: { jobId }, search: { tab: next === "overview" ? undefined : next }, replace: true, resetScroll: false })}
      />
    </>
  );
}

function Head({ job }: { job: Job }) {
  const name = useJobName();
  const { t } = useWords();
  const navigate = useNavigate();
  const actions = useJobActions();
  const [asking, setAsking] = useState(false);
  const over = isOver(job.state);
  const again = async () => {
    const [next] = await actions.retry([job.id]);
    if (next !== undefined && next.id !== job.id) await navigate({ to: "/jobs/$jobId", params: { jobId: next.id } });
  };
  return (
    <PageHead
      title={name(job)}
      tab={`${name(job)} · ${t(`state.${job.state}`)}`}
      aside={<JobState job={job} />}
      actions={
        <>
          {!over && (
            <Button look="danger" icon={<Ban size={15} aria-hidden />} disabled={job.cancel_requested} onClick={() => setAsking(true)}>
              {t("jobs.cancel")}
            </Button>
          )}
          {(over || job.held) && (
            <Button icon={<RotateCw size={15} aria-hidden />} busy={actions.busy} onClick={() => void again()}>
              {t("jobs.retry")}
            </Button>
          )}
          <Link to="/jobs/new" search={{ from: job.id }} className={buttonClass()}>
            <Copy size={15} aria-hidden />
            {t("jobs.clone")}
          </Link>
          <Confirm
            open={asking}
            title={t("jobs.cancel")}
            description={t("jobs.cancel.why")}
            confirm={t("jobs.cancel")}
            danger
            busy={actions.busy}
            onClose={() => setAsking(false)}
            onConfirm={() => void actions.cancel([job.id]).then(() => setAsking(false))}
          />
        </>
      }
    >
      <p className="flex min-w-0 items-center gap-1 text-xs text-faint">
        <span className="truncate font-mono">{job.id}</span>
        <CopyButton text={job.id} label={t("job.copy-id")} />
      </p>
      <ProgressBar job={job} />
    </PageHead>
  );
}

function Logs({ job }: { job: Job }) {
  const { t } = useWords();
  const navigate = useNavigate();
  const toViewer = (hash: string, attempt?: number) =>
    void navigate({ to: "/jobs/$jobId/logs", params: { jobId: job.id }, search: attempt === undefined ? {} : { attempt: String(attempt) }, hash });
  return (
    <section aria-label={t("logs.title")} className="flex h-[max(26rem,calc(100dvh-15rem))] flex-col overflow-hidden rounded-xl border border-line">
      <LogViewer
        key={job.id}
        job={job.id}
        attempt={job.attempts.length > 1 ? job.attempt : 0}
        startedAt={job.attempts.at(-1)?.started_at ?? null}
        line={null}
        onLine={(attempt, line) => toViewer(hashOf(attempt, line))}
        onAttempt={(attempt) => toViewer("", attempt)}
        actions={
          <Link to="/jobs/$jobId/logs" params={{ jobId: job.id }} className={buttonClass({ size: "sm", look: "ghost" })}>
            <Expand size={15} aria-hidden />
            {t("logs.full")}
          </Link>
        }
      />
    </section>
  );
}

function Resources({ job }: { job: Job }) {
  const { t } = useWords();
  const [attempt, setAttempt] = useState<number | null>(null);
  return (
    <div className="flex flex-col gap-4">
      {job.attempts.length > 1 && (
        <Select aria-label={t("logs.attempt")} value={String(attempt ?? job.attempt)} onChange={(event) => setAttempt(Number(event.target.value))} className="!w-auto self-start">
          {job.attempts.map(({ number }) => (
            <option key={number} value={number}>{t("job.attempt.n", { number })}</option>
          ))}
        </Select>
      )}
      <UsageCharts job={job} attempt={attempt ?? job.attempt} all height={200} />
    </div>
  );
}
