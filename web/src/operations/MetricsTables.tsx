import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { JOB_STATES, type MetricsSummary, type Times } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, type Column, StateBadge, Table, toneOf } from "@/parts";
import { IdLink } from "./Id";
import { Stat } from "./Stat";

type Props = { summary: MetricsSummary };

/** The period in four numbers. */
export function Summary({ summary }: Props) {
  const { t, format } = useWords();
  const { failed, finished, success_rate } = summary;
  const minutes = (Date.parse(summary.until) - Date.parse(summary.since)) / 60_000;
  const rate = (n: number) => {
    const each = n / minutes;
    return each === 0 || each >= 1
      ? t("metrics.rate", { n: format.number(each, { maximumFractionDigits: 1 }) })
      : t("metrics.rate.hour", { n: format.number(each * 60, { maximumFractionDigits: 1 }) });
  };
  const { mean, p95 } = summary.run_ms;
  return (
    <div className="grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-5">
      <Stat label={t("metrics.submitted")} value={format.number(summary.submitted)} note={rate(summary.submitted)} />
      <Stat label={t("metrics.ended")} value={format.number(finished)} note={rate(finished)} />
      <Stat
        label={t("metrics.failed")}
        tone={failed > 0 ? "bad" : "wait"}
        value={format.number(failed)}
        note={success_rate === null ? undefined : t("metrics.success-rate", { share: format.percent(success_rate) })}
      />
      <Stat
        label={t("metrics.mean-run")}
        value={mean === null ? "–" : format.duration(mean)}
        note={p95 === null ? undefined : t("metrics.mean-run-note", { time: format.duration(p95) })}
      />
    </div>
  );
}

/** A row on a phone: its first column as title, the others as names and values below it. */
function narrow<T>([title, ...rest]: readonly Column<T>[]): (row: T) => ReactNode {
  return (row) => (
    <div className="text-sm">
      <p className="mb-1.5 font-medium">{title?.cell(row)}</p>
      <dl className="grid grid-cols-3 gap-x-3 gap-y-1.5">
        {rest.map((column) => (
          <div key={column.key}>
            <dt className="text-xs text-muted">{column.head}</dt>
            <dd className="tabular">{column.cell(row)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Mean and percentiles of each phase. */
export function TimesTable({ summary }: Props) {
  const { t, format } = useWords();
  const rows = (["queue", "start", "run", "total"] as const).map((phase) => ({ phase, times: summary[`${phase}_ms`] }));
  const time = (of: (times: Times) => number | null) => (row: (typeof rows)[number]) => {
    const value = of(row.times);
    return value === null ? <span className="text-faint">–</span> : <span className="whitespace-nowrap">{format.duration(value)}</span>;
  };
  const columns: Column<(typeof rows)[number]>[] = [
    { key: "phase", head: t("metrics.phase"), cell: (row) => t(`metrics.${row.phase}`) },
    { key: "mean", head: t("metrics.mean"), align: "right", cell: time((times) => times.mean) },
    { key: "p50", head: "p50", align: "right", cell: time((times) => times.p50) },
    { key: "p95", head: "p95", align: "right", cell: time((times) => times.p95) },
    { key: "p99", head: "p99", align: "right", cell: time((times) => times.p99) },
    { key: "count", head: t("metrics.count"), align: "right", cell: (row) => format.number(row.times.count) },
  ];
  return (
    <Card title={t("metrics.times")} flush>
      <Table label={t("metrics.times")} columns={columns} rows={rows} rowKey={(row) => row.phase} card={narrow(columns)} />
    </Card>
  );
}

const BARS = { good: "bg-good", bad: "bg-bad", warn: "bg-warn", busy: "bg-busy", wait: "bg-line-strong", step: "bg-step" };

/** Jobs by state: those that ended in the period, and the others as they are now. */
export function JobsByState({ summary }: Props) {
  const { t, format } = useWords();
  const counts = summary.jobs_by_state;
  const most = Math.max(1, ...Object.values(counts));
  return (
    <Card title={t("metrics.by-state")} actions={<span className="text-xs text-muted">{t("metrics.by-state.note")}</span>}>
      <ul className="flex flex-col gap-1.5">
        {JOB_STATES.map((state) => (
          <li key={state}>
            <Link
              to="/jobs"
              search={{ state: [state] }}
              className="grid grid-cols-[8.5rem_1fr_auto] items-center gap-3 rounded-md py-0.5 text-sm hover:bg-hover"
            >
              <span>
                <StateBadge state={state} />
              </span>
              <span aria-hidden className="h-2 rounded-full bg-line/60">
                <span
                  className={`block h-full rounded-full ${BARS[toneOf(state)]}`}
                  style={{ width: `${((counts[state] ?? 0) / most) * 100}%` }}
                />
              </span>
              <span className="min-w-10 text-right tabular">{format.number(counts[state] ?? 0)}</span>
            </Link>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What the jobs of each provider used, on average over the period. */
export function ProviderUse({ summary }: Props) {
  const { t, format } = useWords();
  type Row = MetricsSummary["providers"][number];
  const small = (value: number) =>
    value > 0 && value < 0.001 ? `< ${format.number(0.001)}` : format.number(value, { maximumSignificantDigits: 2 });
  const columns: Column<Row>[] = [
    { key: "provider", head: t("metrics.provider"), cell: (row) => <IdLink kind="provider" id={row.provider}>{row.provider}</IdLink> },
    { key: "ended", head: t("metrics.ended"), align: "right", cell: (row) => format.number(row.finished) },
    { key: "cpu", head: t("metrics.mean-cpu"), align: "right", cell: (row) => small(row.cpu_cores) },
    { key: "memory", head: t("metrics.mean-memory"), align: "right", cell: (row) => format.bytes(row.memory_bytes) },
    { key: "busy", head: t("metrics.mean-busy"), align: "right", cell: (row) => small(row.busy_workers) },
  ];
  if (summary.providers.length === 0) return null;
  return (
    <Card title={t("metrics.providers")} flush>
      <Table label={t("metrics.providers")} columns={columns} rows={summary.providers} rowKey={(row) => row.provider} card={narrow(columns)} />
    </Card>
  );
}
