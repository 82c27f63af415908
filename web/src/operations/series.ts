/** Lines of a graph as the chart takes them: one row of times, and for each line a value or a hole at each of them. */
import type { MetricsSeries } from "@/api/types";
import type { Series } from "@/parts/LineChart";

export type Lines = { times: number[]; series: Series[] };

/** `look` gives a line its name and colour; null leaves it out. */
export function linesOf(
  found: readonly MetricsSeries[],
  look: (labels: Record<string, string>, at: number) => Omit<Series, "values"> | null,
): Lines {
  const times = [...new Set(found.flatMap((one) => one.points.map(([time]) => time)))].sort((a, b) => a - b);
  const place = new Map(times.map((time, at) => [time, at]));
  const series = found.flatMap((one, at) => {
    const shown = look(one.labels, at);
    if (shown === null) return [];
    const values = new Array<number | null>(times.length).fill(null);
    for (const [time, value] of one.points) values[place.get(time) as number] = value;
    return [{ ...shown, values }];
  });
  return { times, series };
}

const COLORS = ["accent", "step", "warn", "good", "busy", "wait"];
export const colorAt = (at: number) => COLORS[at % COLORS.length] as string;

const STATE_COLORS: Record<string, string> = {
  SUCCEEDED: "good",
  FAILED: "bad",
  CANCELLED: "wait",
  TIMEOUT: "warn",
  RETRIED: "step",
};
export const colorOfState = (state: string) => STATE_COLORS[state] ?? "wait";
