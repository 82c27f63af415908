import { useMemo } from "react";
import { useWords } from "@/i18n";
import { ErrorPanel, Skeleton, useStateName } from "@/parts";
import { LineChart } from "@/parts/LineChart";
import { type Range, useSeries } from "./queries";
import { colorOfState, linesOf, PERIODS, spanOf } from "./series";

const SHOWN = ["SUCCEEDED", "FAILED", "TIMEOUT", "CANCELLED"];

/** How many jobs ended in each step of the time, by how they ended. */
export default function FinishedChart({ range, height }: { range: Range; height?: number }) {
  const { t, format } = useWords();
  const name = useStateName();
  const { data, error, refetch } = useSeries("jobs.finished", range, "state");
  const lines = useMemo(
    () =>
      linesOf(
        [...(data ?? [])].sort((a, b) => SHOWN.indexOf(a.labels["state"] ?? "") - SHOWN.indexOf(b.labels["state"] ?? "")),
        PERIODS[range].step,
        ({ state = "" }) =>
          SHOWN.includes(state) ? { label: name(state), color: colorOfState(state), filled: state === "SUCCEEDED" } : null,
      ),
    [data, name, range],
  );
  if (error && !data) return <ErrorPanel error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton lines={5} />;
  return (
    <LineChart
      label={t("metrics.finished")}
      {...(lines.series.length > 0 ? lines : { times: [], series: [] })}
      height={height}
      span={spanOf(range)}
      ticks="whole"
      counts
      atLeast={4}
      format={(value) => format.number(value, { maximumFractionDigits: 1 })}
    />
  );
}
