import { Gauge } from "lucide-react";
import { isOver, type Job, type UsageSample } from "@/api/types";
import { useWords } from "@/i18n";
import { Card, EmptyState, ErrorPanel, Facts, Skeleton } from "@/parts";
import { LineChart } from "@/parts/LineChart";
import { rates, useUsage } from "./useUsage";

/** Without samples that only repeat the one before: a heartbeat tells the last measurement again. */
function distinct(samples: readonly UsageSample[]): UsageSample[] {
  const measured = ({ time: _, ...rest }: UsageSample) => JSON.stringify(rest);
  return samples.filter((sample, at) => at === 0 || at === samples.length - 1 || measured(sample) !== measured(samples[at - 1]!));
}

type Counted = { [K in keyof UsageSample]: UsageSample[K] extends number ? K : never }[keyof UsageSample];

/** CPU and memory of an attempt; with `all` disk and network, too. */
export function UsageCharts({ job, attempt, all = false, height }: { job: Job; attempt: number; all?: boolean; height?: number }) {
  const { t, format } = useWords();
  const usage = useUsage(job, attempt);
  if (attempt > 0 && usage.isPending) return <Skeleton lines={4} />;
  if (usage.error && !usage.data) return <ErrorPanel error={usage.error} onRetry={() => void usage.refetch()} />;
  const samples = distinct(usage.data ?? []);
  const ended = job.attempts.find(({ number }) => number === attempt);
  if (samples.length === 0 && ended !== undefined && (ended.cpu_seconds !== null || ended.peak_memory_mib !== null))
    return (
      <Facts
        facts={[
          [t("job.cpu-time"), ended.cpu_seconds === null ? null : format.duration(ended.cpu_seconds * 1000)],
          [t("job.peak-memory"), ended.peak_memory_mib === null ? null : format.bytes(ended.peak_memory_mib * 1024 * 1024)],
        ]}
      />
    );
  if (samples.length === 0)
    return (
      <EmptyState icon={<Gauge size={28} aria-hidden />} title={t("job.no-usage")}>
        {!isOver(job.state) && t("job.no-usage.yet")}
      </EmptyState>
    );
  const times = samples.map(({ time }) => Date.parse(time));
  const of = (field: Counted) => samples.map((sample) => sample[field]);
  const { cpu_cores: cores, memory_mib: memory } = job.spec.resources ?? {};
  const level = (value: number) => times.map(() => value);
  const percent = (value: number) => format.number(value, { maximumFractionDigits: 2 });
  const perSecond = (value: number) => `${format.bytes(value)}/s`;
  const charts = [
    <LineChart
      key="cpu"
      label={t("job.cpu")}
      times={times}
      height={height}
      format={percent}
      atLeast={cores || 1}
      series={[
        { label: t("job.cpu"), color: "accent", values: of("cpu_cores"), filled: true },
        ...(cores ? [{ label: t("job.limit"), color: "warn", values: level(cores), dash: [6, 4] }] : []),
      ]}
    />,
    <LineChart
      key="memory"
      label={t("job.memory")}
      times={times}
      height={height}
      ticks="bytes"
      format={format.bytes}
      atLeast={16 * 1024 * 1024}
      series={[
        { label: t("job.memory"), color: "step", values: of("memory_bytes"), filled: true },
        ...(memory ? [{ label: t("job.limit"), color: "warn", values: level(memory * 1024 * 1024), dash: [6, 4] }] : []),
      ]}
    />,
  ];
  const more = [
    ["job.disk", "job.disk.read", "job.disk.write", "disk_read_bytes", "disk_write_bytes"],
    ["job.network", "job.network.rx", "job.network.tx", "net_rx_bytes", "net_tx_bytes"],
  ] as const;
  if (!all) return <div className="grid gap-4 sm:grid-cols-2">{charts}</div>;
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Card title={t("job.cpu")}>{charts[0]}</Card>
      <Card title={t("job.memory")}>{charts[1]}</Card>
      {more.map(([title, first, second, one, two]) => (
        <Card key={title} title={t(title)}>
          <LineChart
            label={t(title)}
            times={times}
            height={height}
            ticks="bytes"
            format={perSecond}
            atLeast={1024}
            series={[
              { label: t(first), color: "good", values: rates(times, of(one)) },
              { label: t(second), color: "warn", values: rates(times, of(two)) },
            ]}
          />
        </Card>
      ))}
    </div>
  );
}
