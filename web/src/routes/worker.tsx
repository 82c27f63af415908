import { useParams } from "@tanstack/react-router";
import type { Worker as Resource } from "@/api/types";
import { useWords } from "@/i18n";
import { EventsCard } from "@/operations/EventsCard";
import { shortId } from "@/jobs/JobRow";
import { Id, IdLink } from "@/operations/Id";
import { Meter } from "@/operations/Meter";
import { useWorker } from "@/operations/queries";
import { readable } from "@/operations/reading";
import { WorkerActions } from "@/operations/WorkerActions";
import { WorkerLogs } from "@/operations/WorkerLogs";
import { shownState } from "@/operations/WorkerTable";
import { Card, ErrorPanel, Facts, PageHead, RelativeTime, Skeleton, StateBadge } from "@/parts";

export default function Worker() {
  const { t } = useWords();
  const { workerId } = useParams({ from: "/workers/$workerId" });
  const { data: worker, error, refetch } = useWorker(workerId);
  if (error && !worker) return <ErrorPanel error={error} onRetry={() => void refetch()} />;
  if (worker === undefined) return <Skeleton lines={8} />;
  return (
    <>
      <PageHead
        title={`${t("workers.worker")} ${shortId(worker.id)}`}
        aside={<StateBadge state={shownState(worker)} />}
        actions={worker.ended_at === null && <WorkerActions worker={worker} />}
      >
        {worker.reason && <p className="break-words text-sm text-muted">{readable(worker.reason)}</p>}
      </PageHead>
      <div className="grid items-start gap-5 lg:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
        <div className="flex min-w-0 flex-col gap-5">
          {worker.ended_at === null && <Usage worker={worker} />}
          <Details worker={worker} />
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          <WorkerLogs worker={worker} />
          <EventsCard of={worker.id} />
        </div>
      </div>
    </>
  );
}

function Usage({ worker }: { worker: Resource }) {
  const { t, format } = useWords();
  const { usage, cpu_cores, memory_mib } = worker;
  const most = memory_mib * 1024 * 1024;
  return (
    <Card title={t("workers.usage")}>
      {usage === null ? (
        <p className="text-sm text-muted">{t("workers.usage.none")}</p>
      ) : (
        <div className="flex flex-col gap-4">
          <Meter
            tone="auto"
            label={t("workers.cpu")}
            value={usage.cpu_percent}
            most={100}
            text={t("workers.cpu-value", { percent: format.percent(usage.cpu_percent / 100), n: cpu_cores })}
          />
          <Meter
            tone="auto"
            label={t("workers.memory")}
            value={usage.memory_bytes}
            most={most}
            text={t("workers.memory-value", { used: format.bytes(usage.memory_bytes), most: format.bytes(most) })}
          />
        </div>
      )}
    </Card>
  );
}

function Details({ worker }: { worker: Resource }) {
  const { t, format } = useWords();
  const labels = Object.entries(worker.labels);
  return (
    <Card title={t("workers.details")}>
      <Facts
        facts={[
          [t("workers.job"), worker.job_id ? <IdLink kind="job" id={worker.job_id} /> : t("workers.idle")],
          [t("workers.provider"), worker.provider ? <IdLink kind="provider" id={worker.provider}>{worker.provider}</IdLink> : "–"],
          [t("workers.image"), worker.image ? <bdi className="break-all">{readable(worker.image)}</bdi> : t("workers.no-image")],
          [
            t("workers.jobs-done"),
            worker.max_jobs ? t("workers.jobs-of", { n: worker.jobs_done, most: worker.max_jobs }) : format.number(worker.jobs_done),
          ],
          [t("workers.host"), worker.hostname || "–"],
          [t("workers.architecture"), worker.architecture || "–"],
          worker.cpu_cores > 0 && [
            t("workers.size"),
            t("workers.size-value", { cpu: format.number(worker.cpu_cores), memory: format.bytes(worker.memory_mib * 1024 * 1024) }),
          ],
          [t("workers.version"), worker.agent_version || "–"],
          worker.ended_at === null && [t("workers.connection"), t(worker.connected ? "workers.connected" : "workers.not-connected")],
          [t("workers.heartbeat"), <RelativeTime time={worker.last_heartbeat} />],
          [t("workers.created"), format.moment(worker.created_at)],
          worker.registered_at !== null && [t("workers.registered"), format.moment(worker.registered_at)],
          worker.idle_since !== null && worker.ended_at === null && [t("workers.idle-since"), <RelativeTime time={worker.idle_since} />],
          worker.drain_by !== null && worker.ended_at === null && [t("workers.drain-by"), format.moment(worker.drain_by)],
          worker.expires_at !== null && worker.ended_at === null && [t("workers.expires"), format.moment(worker.expires_at)],
          worker.ended_at !== null && [t("workers.ended-at"), format.moment(worker.ended_at)],
          labels.length > 0 && [
            t("workers.labels"),
            <ul className="flex flex-col gap-0.5">
              {labels.map(([name, value]) => (
                <li key={name} className="break-all font-mono text-xs leading-5">
                  {readable(`${name}=${value}`)}
                </li>
              ))}
            </ul>,
          ],
          [t("workers.id"), <Id id={worker.id} />],
        ]}
      />
    </Card>
  );
}
