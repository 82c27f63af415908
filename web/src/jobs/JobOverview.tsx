import { Link } from "@tanstack/react-router";
import { CircleAlert, Hourglass } from "lucide-react";
import type { ReactNode } from "react";
import { isOver, type Job } from "@/api/types";
import { useWords } from "@/i18n";
import { readable } from "@/operations/reading";
import { Card, Duration, Facts, RelativeTime } from "@/parts";
import { Command } from "./JobConfig";
import { JobTail } from "./JobTail";
import { Timeline } from "./Timeline";
import { UsageCharts } from "./UsageCharts";

/** Where a job stands and why; what it spent its time on, uses and says. */
export function JobOverview({ job }: { job: Job }) {
  const { t } = useWords();
  const labels = Object.entries(job.spec.labels ?? {}).map(([key, value]) => readable(`${key}=${value}`));
  return (
    <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_minmax(0,1.3fr)]">
      <div className="flex min-w-0 flex-col gap-4">
        <Why job={job} />
        <Command job={job} />
        <Timeline job={job} />
        <Card>
          <Facts
            facts={[
              job.spec.description ? [t("job.description"), <span key="d" className="whitespace-pre-line">{readable(job.spec.description)}</span>] : null,
              labels.length > 0 && [t("job.labels"), labels.join(", ")],
              (job.spec.tags ?? []).length > 0 && [t("job.tags"), (job.spec.tags ?? []).map(readable).join(", ")],
              [t("jobs.column.created"), <RelativeTime key="c" time={job.created_at} />],
              [t("job.took"), job.started_at && <Duration from={job.started_at} to={job.completed_at} ms={job.completed_at ? job.duration_ms : null} />],
              job.exit_code !== null && [t("job.exit-code"), <span key="e" className="tabular">{job.exit_code}</span>],
              job.provider ? [t("job.provider"), job.provider] : null,
              job.worker_id !== null && [t("job.worker"), <WorkerLink key="w" id={job.worker_id} />],
              job.image ? [t("job.image"), <span key="i" className="font-mono text-xs">{job.image}</span>] : null,
              job.queued_by ? [t("jobs.column.owner"), readable(job.queued_by)] : null,
              job.rerun_of !== null && [
                t("job.rerun-of"),
                <Link key="r" to="/jobs/$jobId" params={{ jobId: job.rerun_of }} className="font-mono text-xs text-accent hover:underline">{job.rerun_of}</Link>,
              ],
            ]}
          />
        </Card>
      </div>
      <div className="flex min-w-0 flex-col gap-4">
        <Card title={t(isOver(job.state) ? "job.tab.resources" : "job.live")}>
          <UsageCharts job={job} attempt={job.attempt} height={130} />
        </Card>
        <JobTail job={job} />
      </div>
    </div>
  );
}

export function WorkerLink({ id }: { id: string }) {
  return (
    <Link to="/workers/$workerId" params={{ workerId: id }} className="font-mono text-xs text-accent hover:underline">
      {id.slice(-12)}
    </Link>
  );
}

/** Why a job waits, or why it did not end well. */
function Why({ job }: { job: Job }): ReactNode {
  const { t } = useWords();
  if (job.held)
    return (
      <Box tone="warn" icon={<Hourglass size={18} aria-hidden />} title={t("job.why-waiting")}>
        {t("job.held")}
      </Box>
    );
  if (job.state === "PENDING")
    return (
      <Box tone="wait" icon={<Hourglass size={18} aria-hidden />} title={t("job.why-waiting")}>
        {job.pending_reasons.length === 0 ? (
          t("job.why-waiting.none")
        ) : (
          <ul className="flex flex-col gap-1">
            {job.pending_reasons.map(({ provider, reason }, at) => (
              <li key={at}>
                {provider && <span className="font-medium text-ink">{provider}: </span>}
                {reason}
              </li>
            ))}
          </ul>
        )}
      </Box>
    );
  if (!isOver(job.state) || job.state === "SUCCEEDED") return null;
  const facts = [
    job.exit_code !== null && !job.message.includes(String(job.exit_code)) && `${t("job.exit-code")} ${job.exit_code}`,
    job.signal !== null && `${t("job.signal")} ${job.signal}`,
    job.reason && job.reason !== "exit" && `${t("job.reason")} ${job.reason}`,
  ].filter(Boolean);
  return (
    <Box tone={job.state === "CANCELLED" ? "wait" : job.state === "TIMEOUT" ? "warn" : "bad"} icon={<CircleAlert size={18} aria-hidden />} title={t(`job.ended.${job.state as "FAILED" | "TIMEOUT" | "CANCELLED"}`)}>
      {job.message && <p className="whitespace-pre-line">{job.message}</p>}
      {facts.length > 0 && <p className="mt-1 text-xs">{facts.join(" · ")}</p>}
    </Box>
  );
}

const TONES = {
  wait: ["border-line bg-surface", "text-muted"],
  warn: ["border-warn/40 bg-warn-soft", "text-warn"],
  bad: ["border-bad/40 bg-bad-soft", "text-bad"],
} as const;

function Box({ tone, icon, title, children }: { tone: keyof typeof TONES; icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className={`flex gap-3 rounded-xl border px-4 py-3 text-sm ${TONES[tone][0]}`}>
      <span className={`mt-0.5 shrink-0 ${TONES[tone][1]}`}>{icon}</span>
      <div className="min-w-0 flex-1 break-words text-muted">
        <h2 className="font-semibold text-ink">{title}</h2>
        {children}
      </div>
    </section>
  );
}
