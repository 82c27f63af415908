import { type ReactNode, useMemo } from "react";
import type { MetricsSeries } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, ErrorPanel, Skeleton } from "@/parts";
import { LineChart } from "@/parts/LineChart";
import { type Range, useSeries } from "./queries";
import { colorAt, type Lines, linesOf, PERIODS, spanOf } from "./series";

const PERCENTILES = [
  { which: "p50", color: "accent", filled: true },
  { which: "p95", color: "step" },
  { which: "p99", color: "warn", dash: [4, 3] },
] as const;

/** How long a phase took over the period: half of all, 95 and 99 of a hundred. */
export function TimesChart({ measure, title, range }: { measure: "queue" | "start" | "run"; title: string; range: Range }) {
  const { format } = useWords();
  const name = (which: string) => `jobs.${measure}_ms.${which}`;
  const p50 = useSeries(name("p50"), range);
  const p95 = useSeries(name("p95"), range);
  const p99 = useSeries(name("p99"), range);
  const all = [p50, p95, p99];
  const lines = useMemo(() => {
    const found = [p50.data, p95.data, p99.data].map((data): MetricsSeries => ({ labels: {}, points: data?.[0]?.points ?? [] }));
    return linesOf(found, PERIODS[range].step, (_, at) => {
      const { which, ...look } = PERCENTILES[at] as (typeof PERCENTILES)[number];
      return { label: which, ...look, dash: "dash" in look ? [...look.dash] : undefined };
    });
  }, [p50.data, p95.data, p99.data, range]);
  const failed = all.find((one) => one.error && !one.data);
  return (
    <Frame title={title} error={failed?.error} onRetry={() => all.forEach((one) => void one.refetch())} ready={all.every((one) => one.data)}>
      <LineChart label={title} {...lines} span={spanOf(range)} format={(ms) => format.duration(ms)} atLeast={10} />
    </Frame>
  );
}

/** A measure of each provider over the period. */
export function ProviderChart({ name, title, range }: { name: string; title: string; range: Range }) {
  const { t, format } = useWords();
  const { data, error, refetch } = useSeries(name, range, "provider");
  const lines: Lines = useMemo(
    () =>
      linesOf(data ?? [], PERIODS[range].step, ({ provider }, at) => ({
        label: provider || t("metrics.no-provider"),
        color: colorAt(at),
        filled: data?.length === 1,
      })),
    [data, t, range],
  );
  const bytes = name.endsWith("_bytes");
  return (
    <Frame title={title} error={data ? null : error} onRetry={() => void refetch()} ready={data !== undefined}>
      <LineChart
        label={title}
        span={spanOf(range)}
        ticks={bytes ? "bytes" : undefined}
        {...(lines.series.length > 0 ? lines : { times: [], series: [] })}
        format={(value) => (bytes ? format.bytes(value) : format.number(value, { maximumFractionDigits: 2 }))}
        atLeast={bytes ? 1024 * 1024 : 0.1}
      />
    </Frame>
  );
}

type FrameProps = { title: string; error: Error | null | undefined; onRetry: () => void; ready: boolean; children: ReactNode };

function Frame({ title, error, onRetry, ready, children }: FrameProps) {
  return (
    <Card title={title}>
      {error ? <ErrorPanel error={error} onRetry={onRetry} /> : ready ? children : <Skeleton lines={5} />}
    </Card>
  );
}
