import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Provider, QueueStatus, System, Worker } from "@/api/types";
import { useLive } from "@/api/live";
import { useWords } from "@/i18n";
import { Card, Duration, StateIcon, toneOf, useErrorText } from "@/parts";
import { shownStatus } from "./providers";
import { useProviders, useQueue, useSystem, useWorkers } from "./queries";

const TEXT = { good: "text-good", bad: "text-bad", warn: "text-warn", busy: "text-busy", wait: "text-faint", step: "text-step" };

/** Whether the parts of the platform are well, each with the reason. */
export function HealthCard() {
  const { t } = useWords();
  const system = useSystem();
  const providers = useProviders();
  const workers = useWorkers({});
  const queue = useQueue();
  return (
    <Card title={t("overview.health")} flush>
      <ul className="divide-y divide-line border-t border-line">
        <ControlPlane system={system.data} error={system.error} />
        <Database system={system.data} />
        <Providers providers={providers.data} error={providers.error} />
        <Workers workers={workers.data} error={workers.error} />
        <OldestPending queue={queue.data} error={queue.error} />
      </ul>
    </Card>
  );
}

function Line({ name, state, children, note }: { name: ReactNode; state: string; children: ReactNode; note?: ReactNode }) {
  return (
    <li className="flex gap-3 px-4 py-2.5">
      <span className={`mt-0.5 shrink-0 ${TEXT[toneOf(state)]}`}>
        <StateIcon state={state} size={16} />
      </span>
      <div className="min-w-0 flex-1 text-sm">
        <div className="flex flex-wrap items-baseline justify-between gap-x-3">
          <span className="font-medium">{name}</span>
          <span className="text-muted">{children}</span>
        </div>
        {note && <div className="break-words text-xs text-muted">{note}</div>}
      </div>
    </li>
  );
}

function ControlPlane({ system, error }: { system: System | undefined; error: Error | null }) {
  const { t, format } = useWords();
  const text = useErrorText();
  const lost = useLive() === "lost";
  const state = lost || error ? "UNHEALTHY" : system ? "HEALTHY" : "UNKNOWN";
  return (
    <Line
      name={t("overview.control-plane")}
      state={state}
      note={error ? text(error) : system && system.replicas > 1 ? t("overview.leader", { n: system.replicas, name: system.leader }) : undefined}
    >
      {system ? t("overview.up", { version: system.version, time: format.duration(system.uptime_ms) }) : "…"}
    </Line>
  );
}

function Database({ system }: { system: System | undefined }) {
  const { t, format } = useWords();
  const { ok, latency_ms, version, reason } = system?.database ?? {};
  return (
    <Line
      name={t("overview.database")}
      state={ok === undefined ? "UNKNOWN" : ok ? "HEALTHY" : "UNHEALTHY"}
      note={ok === false ? reason : version && `PostgreSQL ${version.replace(/^PostgreSQL\s*/, "")}`}
    >
      {ok === undefined ? "…" : ok && latency_ms != null
        ? t("overview.answers-in", { time: `${format.number(latency_ms, { maximumFractionDigits: 1 })} ms` })
        : t("overview.no-answer")}
    </Line>
  );
}

function Providers({ providers, error }: { providers: Provider[] | undefined; error: Error | null }) {
  const { t } = useWords();
  const text = useErrorText();
  if (providers === undefined)
    return <Line name={t("nav.providers")} state={error ? "UNHEALTHY" : "UNKNOWN"} note={error && text(error)}>…</Line>;
  const enabled = providers.filter((p) => p.enabled);
  const ill = enabled.filter((p) => !p.health.healthy);
  const state = enabled.length === 0 ? "DEGRADED" : ill.length === 0 ? "HEALTHY" : ill.length < enabled.length ? "DEGRADED" : "UNHEALTHY";
  const note =
    enabled.length === 0 ? (
      t("overview.no-provider")
    ) : (
      ill.map((p) => (
        <Link key={p.id} to="/providers/$providerId" params={{ providerId: p.name }} className="block hover:underline">
          {p.name}: {p.health.reason || shownStatus(p)}
        </Link>
      ))
    );
  return (
    <Line name={<Link to="/providers" className="hover:underline">{t("nav.providers")}</Link>} state={state} note={note}>
      {t("overview.healthy-of", { healthy: enabled.length - ill.length, n: enabled.length })}
    </Line>
  );
}

function Workers({ workers, error }: { workers: Worker[] | undefined; error: Error | null }) {
  const { t } = useWords();
  const text = useErrorText();
  if (workers === undefined)
    return <Line name={t("nav.workers")} state={error ? "UNHEALTHY" : "UNKNOWN"} note={error && text(error)}>…</Line>;
  const busy = workers.filter((w) => w.state === "BUSY").length;
  const idle = workers.filter((w) => w.state === "READY").length;
  const gone = workers.filter((w) => !w.connected && (w.state === "READY" || w.state === "BUSY")).length;
  return (
    <Line
      name={<Link to="/workers" className="hover:underline">{t("nav.workers")}</Link>}
      state={gone > 0 ? "DEGRADED" : "HEALTHY"}
      note={gone > 0 ? t("overview.unheard", { n: gone }) : workers.length === 0 ? t("overview.no-workers") : undefined}
    >
      {t("overview.busy-idle", { busy, idle })}
    </Line>
  );
}

const LONG_WAIT_MS = 5 * 60_000;

function OldestPending({ queue, error }: { queue: QueueStatus | undefined; error: Error | null }) {
  const { t } = useWords();
  const text = useErrorText();
  const since = queue?.oldest_pending_at ?? null;
  const state = queue === undefined ? (error ? "UNHEALTHY" : "UNKNOWN") : since === null ? "HEALTHY" : Date.now() - Date.parse(since) > LONG_WAIT_MS ? "DEGRADED" : "PENDING";
  const waiting = queue?.by_state.PENDING ?? 0;
  return (
    <Line
      name={t("overview.oldest")}
      state={state}
      note={
        error && queue === undefined ? text(error) : since !== null && (
          <Link to="/jobs" search={{ state: ["PENDING"] }} className="hover:underline">
            {t("overview.waiting", { n: waiting })}
          </Link>
        )
      }
    >
      {queue === undefined ? "…" : since === null ? t("overview.nothing-waits") : <Duration from={since} />}
    </Line>
  );
}
