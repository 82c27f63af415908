import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ChartLine } from "lucide-react";
import type { MetricsSummary } from "@/api/types";
import { useWords } from "@/i18n";
import FinishedChart from "@/operations/FinishedChart";
import { JobsByState, ProviderUse, Summary, TimesTable } from "@/operations/MetricsTables";
import { type Range, RANGES, useSummary } from "@/operations/queries";
import { ProviderChart, TimesChart } from "@/operations/MetricsCharts";
import { buttonClass, Card, classes, EmptyState, ErrorPanel, PageHead, Skeleton } from "@/parts";
import { one } from "@/search";

export default function Metrics() {
  const { t } = useWords();
  const asked = one(useSearch({ from: "/metrics" })["range"]);
  const range = RANGES.find((one) => one === asked) ?? "24h";
  const { data, error, refetch } = useSummary(range);
  return (
    <>
      <PageHead title={t("metrics.title")} actions={<RangeChoice range={range} />} />
      {error && !data ? (
        <ErrorPanel error={error} onRetry={() => void refetch()} />
      ) : data === undefined ? (
        <Skeleton lines={8} />
      ) : data.submitted === 0 && data.total_ms.count === 0 && data.run_ms.count === 0 ? (
        <Card>
          <Nothing />
        </Card>
      ) : (
        <Period summary={data} range={range} />
      )}
    </>
  );
}

function Period({ summary, range }: { summary: MetricsSummary; range: Range }) {
  const { t } = useWords();
  return (
    <div className="flex flex-col gap-5">
      <Summary summary={summary} />
      <Card title={t("metrics.finished")}>
        <FinishedChart range={range} height={200} />
      </Card>
      <div className="grid items-start gap-5 xl:grid-cols-2">
        <TimesTable summary={summary} />
        <JobsByState summary={summary} />
      </div>
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <TimesChart measure="queue" title={t("metrics.queue-times")} range={range} />
        <TimesChart measure="start" title={t("metrics.start-times")} range={range} />
        <TimesChart measure="run" title={t("metrics.run-times")} range={range} />
        <ProviderChart name="workers.busy" title={t("metrics.busy")} range={range} />
        <ProviderChart name="usage.cpu_cores" title={t("metrics.cpu")} range={range} />
        <ProviderChart name="usage.memory_bytes" title={t("metrics.memory")} range={range} />
      </div>
      <ProviderUse summary={summary} />
    </div>
  );
}

function RangeChoice({ range }: { range: Range }) {
  const { t } = useWords();
  const navigate = useNavigate();
  return (
    <div role="group" aria-label={t("metrics.range")} className="grid grid-cols-4 gap-0.5 rounded-lg bg-sunken p-0.5">
      {RANGES.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={one === range}
          onClick={() => void navigate({ to: "/metrics", search: { range: one }, replace: true })}
          className={classes(
            "min-h-8 whitespace-nowrap rounded-md px-3 text-sm",
            one === range ? "bg-surface font-medium text-ink shadow-low" : "text-muted hover:text-ink",
          )}
        >
          {t(`metrics.range.${one}`)}
        </button>
      ))}
    </div>
  );
}

function Nothing() {
  const { t } = useWords();
  return (
    <EmptyState
      icon={<ChartLine size={36} aria-hidden />}
      title={t("metrics.empty.title")}
      action={
        <Link to="/jobs/new" className={buttonClass({ look: "primary" })}>
          {t("nav.new-job")}
        </Link>
      }
    >
      {t("metrics.empty.text")}
    </EmptyState>
  );
}
