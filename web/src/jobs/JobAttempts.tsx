import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Attempt, Job } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, Duration, StateBadge } from "@/parts";
import { WorkerLink } from "./JobOverview";

/** All attempts beside each other, so that what differs is seen. */
export function JobAttempts({ job }: { job: Job }) {
  const { t, format } = useWords();
  const moment = (time: string | null) => (time === null ? "–" : format.moment(time));
  const rows: readonly (readonly [string, (attempt: Attempt) => ReactNode])[] = [
    [t("jobs.column.state"), ({ state }) => <StateBadge state={state} />],
    [t("job.provider"), ({ provider }) => provider || "–"],
    [t("job.worker"), ({ worker_id }) => (worker_id ? <WorkerLink id={worker_id} /> : "–")],
    [t("job.assigned"), ({ assigned_at }) => moment(assigned_at)],
    [t("job.started"), ({ started_at }) => moment(started_at)],
    [t("job.ended"), ({ ended_at }) => moment(ended_at)],
    [t("job.took"), ({ started_at, ended_at }) => <Duration from={started_at} to={ended_at} />],
    [t("job.exit-code"), ({ exit_code }) => exit_code ?? "–"],
    [t("job.signal"), ({ signal }) => signal ?? "–"],
    [t("job.reason"), ({ reason }) => reason || "–"],
    [t("job.message"), ({ message }) => <span className="whitespace-pre-line break-words">{message || "–"}</span>],
    [t("job.cpu-time"), ({ cpu_seconds }) => (cpu_seconds === null ? "–" : format.duration(cpu_seconds * 1000))],
    [t("job.peak-memory"), ({ peak_memory_mib }) => (peak_memory_mib === null ? "–" : format.bytes(peak_memory_mib * 1024 * 1024))],
    [t("job.enforced"), ({ limits }) => limits || "–"],
    [t("logs.title"), ({ number }) => (
      <Link to="/jobs/$jobId/logs" params={{ jobId: job.id }} search={{ attempt: String(number) }} className="text-accent hover:underline">
        {t("logs.full")}
      </Link>
    )],
  ];
  return (
    <Card flush className="overflow-x-auto">
      <table className="w-full border-collapse text-sm">
        <caption className="sr-only">{t("job.attempts")}</caption>
        <thead>
          <tr className="border-b border-line">
            <td />
            {job.attempts.map(({ number }) => (
              <th key={number} scope="col" className="min-w-52 px-3 py-2.5 text-left font-semibold">
                {t("job.attempt.n", { number })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, cell]) => (
            <tr key={name} className="border-b border-line align-top last:border-0">
              <th scope="row" className="sticky left-0 whitespace-nowrap bg-surface px-4 py-2 text-left font-normal text-muted">
                {name}
              </th>
              {job.attempts.map((attempt) => (
                <td key={attempt.number} className="max-w-sm px-3 py-2">
                  {cell(attempt)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
