import { Link } from "@tanstack/react-router";
import type { JobSummary } from "@/api/types";
import { useWords } from "@/i18n";
import { useJobName } from "@/jobs/JobRow";
import { Card, Duration, ErrorPanel, RelativeTime, Skeleton, StateBadge } from "@/parts";
import { useRecentJobs } from "./queries";

/** The newest five jobs. */
export function RecentJobs() {
  const { t } = useWords();
  const { data, error, refetch } = useRecentJobs(5);
  return (
    <Card
      flush
      title={t("overview.recent")}
      actions={
        <Link to="/jobs" className="text-sm font-medium text-accent hover:underline">
          {t("action.see-all")}
        </Link>
      }
    >
      {error ? (
        <div className="p-4">
          <ErrorPanel error={error} onRetry={() => void refetch()} />
        </div>
      ) : data === undefined ? (
        <Skeleton lines={5} className="p-4" />
      ) : (
        <ul className="divide-y divide-line border-t border-line">
          {data.map((job) => (
            <JobLine key={job.id} job={job} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function JobLine({ job }: { job: JobSummary }) {
  const name = useJobName();
  return (
    <li>
      <Link
        to="/jobs/$jobId"
        params={{ jobId: job.id }}
        className="flex items-center gap-x-4 gap-y-1 px-4 py-2.5 hover:bg-hover focus-visible:outline-offset-[-2px]"
      >
        <span className="min-w-0 flex-1">
          <span className="block truncate text-sm font-medium">
            <bdi>{name(job)}</bdi>
          </span>
          <span className="block truncate text-xs text-muted">
            <RelativeTime time={job.created_at} />
            {job.provider && <> · {job.provider}</>}
          </span>
        </span>
        <span className="text-sm text-muted">
          {job.started_at ? (
            <Duration from={job.started_at} to={job.completed_at} ms={job.completed_at ? job.duration_ms : null} />
          ) : null}
        </span>
        <span className="flex w-29 shrink-0 justify-end">
          <StateBadge state={job.state} />
        </span>
      </Link>
    </li>
  );
}
