import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { JobSummary } from "@/api/types";
import { useWords } from "@/i18n";
import { readable } from "@/operations/reading";
import { Badge, classes, Duration, RelativeTime, StateBadge } from "@/parts";

/** What a job is called in lists. */
export function useJobName(): (job: Pick<JobSummary, "name" | "id">) => string {
  const { t } = useWords();
  return ({ name }) => (name ? readable(name) : t("jobs.unnamed"));
}

/** The random end of an id: its beginning is the time, alike for all of a minute. */
export const shortId = (id: string) => id.slice(-8);

export function JobState({ job }: { job: JobSummary }) {
  const { t } = useWords();
  return (
    <span className="inline-flex flex-wrap items-center gap-1.5">
      <StateBadge state={job.state} />
      {job.held && <Badge tone="warn">{t("jobs.held")}</Badge>}
      {job.cancel_requested && job.state === "RUNNING" && <Badge tone="warn">{t("jobs.cancelling")}</Badge>}
    </span>
  );
}

export function JobDuration({ job }: { job: JobSummary }) {
  if (job.started_at === null) return <span className="text-faint">–</span>;
  return <Duration from={job.started_at} to={job.completed_at} ms={job.completed_at === null ? null : job.duration_ms} />;
}

/** How far a running job says it is. */
export function ProgressBar({ job }: { job: JobSummary }) {
  const { t } = useWords();
  const name = useJobName();
  if (job.progress === null || job.state !== "RUNNING") return null;
  const { percentage, stage } = job.progress;
  const share = Math.max(0, Math.min(100, percentage ?? 0));
  return (
    <div className="mt-1 flex items-center gap-2 text-xs text-muted">
      <div
        role="progressbar"
        aria-label={t("jobs.progress", { name: name(job) })}
        aria-valuenow={share}
        aria-valuemin={0}
        aria-valuemax={100}
        className="h-1.5 w-24 overflow-hidden rounded-full bg-line"
      >
        <div className="h-full rounded-full bg-busy transition-[width]" style={{ width: `${share}%` }} />
      </div>
      <span className="tabular">{share} %</span>
      {stage && <span className="truncate">{stage}</span>}
    </div>
  );
}

type Props = { job: JobSummary; index: number; active: boolean; selected: boolean; onSelect: (selected: boolean) => void; onOpen: () => void; onFocus: () => void };

export const ROW_HEIGHT = 57;
const INNER = "a, button, input, label";

/** A job as a row of the table. */
export function JobRow({ job, index, active, selected, onSelect, onOpen, onFocus }: Props) {
  const { t } = useWords();
  const name = useJobName()(job);
  const cell = "px-3 align-middle";
  return (
    <tr
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-row={index}
      tabIndex={active ? 0 : -1}
      onFocus={onFocus}
      onClick={(event) => {
        if (!(event.target as Element).closest(INNER) && !String(getSelection())) onOpen();
      }}
      className={classes(
        "cursor-pointer border-b border-line text-sm focus-visible:outline-offset-[-2px]",
        selected ? "bg-accent-soft" : "hover:bg-hover",
      )}
      style={{ height: ROW_HEIGHT }}
    >
      <td className="w-11 pl-4 pr-1 align-middle">
        <Check label={t("jobs.column.select", { name })} checked={selected} onChange={onSelect} />
      </td>
      <td className={cell}>
        <JobState job={job} />
      </td>
      <td className={classes(cell, "max-w-0 w-[38%]")}>
        <div className="flex min-w-0 items-baseline gap-2">
          <Link to="/jobs/$jobId" params={{ jobId: job.id }} tabIndex={-1} className="truncate font-medium hover:text-accent">
            {name}
          </Link>
          <Outcome job={job} />
        </div>
        <div className="flex min-w-0 items-center gap-2 text-xs text-faint">
          <span className="font-mono">{shortId(job.id)}</span>
          <Labels labels={job.labels} />
        </div>
        <ProgressBar job={job} />
      </td>
      <td className={classes(cell, "max-w-32 truncate text-muted max-lg:hidden")}>{readable(job.queued_by ?? "") || "–"}</td>
      <td className={classes(cell, "max-w-56 text-muted max-xl:hidden")}>
        <span className="block truncate">{job.provider || "–"}</span>
        {job.image && <span className="block truncate text-xs text-faint">{job.image}</span>}
      </td>
      <td className={classes(cell, "whitespace-nowrap text-right")}>
        <JobDuration job={job} />
      </td>
      <td className={classes(cell, "pr-4 text-right text-muted")}>
        <RelativeTime time={job.created_at} />
      </td>
    </tr>
  );
}

/** The same on a phone. */
export function JobCard({ job, selected, onSelect }: Pick<Props, "job" | "selected" | "onSelect">) {
  const { t } = useWords();
  const name = useJobName()(job);
  return (
    <div className={classes("flex items-start gap-3 border-b border-line px-4 py-3", selected && "bg-accent-soft")}>
      <Check label={t("jobs.column.select", { name })} checked={selected} onChange={onSelect} />
      <Link to="/jobs/$jobId" params={{ jobId: job.id }} className="min-w-0 flex-1">
        <span className="flex items-center justify-between gap-3">
          <span className="truncate font-medium">{name}</span>
          <JobState job={job} />
        </span>
        <span className="mt-1 flex flex-wrap items-center justify-between gap-x-3 text-xs text-muted">
          <span className="flex items-center gap-2">
            <span className="font-mono text-faint">{shortId(job.id)}</span>
            <Outcome job={job} />
          </span>
          <span>
            <JobDuration job={job} /> · <RelativeTime time={job.created_at} />
          </span>
        </span>
        <ProgressBar job={job} />
      </Link>
    </div>
  );
}

function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (checked: boolean) => void }) {
  return (
    <input type="checkbox" aria-label={label} checked={checked} tabIndex={-1} onChange={(event) => onChange(event.target.checked)} className="mt-0.5 size-4.5 align-middle accent-accent" />
  );
}

/** What a state alone does not say: the exit code, the attempt. */
function Outcome({ job }: { job: JobSummary }): ReactNode {
  const { t } = useWords();
  const words: string[] = [];
  if (job.exit_code !== null && job.exit_code !== 0) words.push(t("jobs.exit", { code: String(job.exit_code) }));
  if (job.attempt > 1) words.push(t("jobs.attempt", { number: job.attempt }));
  return words.length === 0 ? null : <span className="shrink-0 text-xs text-muted">{words.join(" · ")}</span>;
}

function Labels({ labels }: { labels: Record<string, string> }) {
  const all = Object.entries(labels);
  if (all.length === 0) return null;
  return (
    <span className="flex min-w-0 gap-1 overflow-hidden">
      {all.slice(0, 3).map(([key, value]) => (
        <span key={key} className="truncate rounded bg-sunken px-1.5 text-muted">
          {readable(`${key}=${value}`)}
        </span>
      ))}
    </span>
  );
}
