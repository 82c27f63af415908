import { useNavigate } from "@tanstack/react-router";
import type { Worker } from "@/api/types";
import { useWords } from "@/i18n";
import { type Column, RelativeTime, StateBadge, Table } from "@/parts";
import { IdLink } from "./Id";
import { readable } from "./reading";

/** A state as one sees it: an agent that nobody hears from is told as such. */
export const shownState = (worker: Worker) =>
  !worker.connected && (worker.state === "READY" || worker.state === "BUSY") ? "DISCONNECTED" : worker.state === "READY" ? "IDLE" : worker.state;

/** Workers, one a row; a card each on a phone. */
export function WorkerTable({ workers, provider = true }: { workers: readonly Worker[]; provider?: boolean }) {
  const { t, format } = useWords();
  const navigate = useNavigate();
  const image = (worker: Worker) =>
    worker.image ? <bdi>{readable(worker.image)}</bdi> : <span className="text-faint">{t("workers.no-image")}</span>;
  const job = (worker: Worker) => (worker.job_id ? <IdLink kind="job" id={worker.job_id} /> : <span className="text-faint">–</span>);
  const done = ({ jobs_done, max_jobs }: Worker) =>
    max_jobs ? t("workers.jobs-of", { n: jobs_done, most: max_jobs }) : format.number(jobs_done);
  const columns: Column<Worker>[] = [
    { key: "state", head: t("workers.state"), cell: (worker) => <StateBadge state={shownState(worker)} /> },
    { key: "worker", head: t("workers.worker"), cell: (worker) => <IdLink kind="worker" id={worker.id} /> },
    ...(provider ? [{ key: "provider", head: t("workers.provider"), cell: (worker: Worker) => worker.provider || "–" }] : []),
    { key: "host", head: t("workers.host"), wide: true, cell: (worker) => <span className="break-all">{worker.hostname || "–"}</span> },
    { key: "image", head: t("workers.image"), cell: (worker) => <span className="break-all">{image(worker)}</span> },
    { key: "job", head: t("workers.job"), cell: job },
    { key: "heard", head: t("workers.heartbeat"), wide: true, cell: (worker) => <RelativeTime time={worker.last_heartbeat} /> },
    { key: "age", head: t("workers.since"), cell: (worker) => <RelativeTime time={worker.created_at} /> },
    { key: "done", head: t("workers.jobs-done"), align: "right", cell: done },
  ];
  return (
    <Table
      label={t("workers.title")}
      columns={columns}
      rows={workers}
      rowKey={(worker) => worker.id}
      onOpen={(worker) => void navigate({ to: "/workers/$workerId", params: { workerId: worker.id } })}
      card={(worker) => (
        <div className="flex flex-col gap-1.5 text-sm">
          <div className="flex items-center justify-between gap-3">
            <IdLink kind="worker" id={worker.id} />
            <StateBadge state={shownState(worker)} />
          </div>
          <p className="break-all text-muted">
            {worker.provider} · {image(worker)}
          </p>
          <p className="flex flex-wrap justify-between gap-x-3 text-xs text-muted">
            <span>
              {worker.job_id ? <>{t("workers.job")} {job(worker)}</> : <>{t("workers.jobs-done")}: {done(worker)}</>}
            </span>
            <RelativeTime time={worker.last_heartbeat ?? worker.created_at} />
          </p>
        </div>
      )}
    />
  );
}

