/** Lines of a graph as the chart takes them: one row of times, and for each line a value or a hole at each of them. */
import type { Range } from "./queries";
import type { MetricsSeries } from "@/api/types";
import type { Series } from "@/parts/LineChart";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** How long a period is, and the width of a point in its graphs. */
export const PERIODS: Record<Range, { length: number; step: number }> = {
  "1h": { length: HOUR, step: MINUTE },
  "24h": { length: 24 * HOUR, step: 5 * MINUTE },
  "7d": { length: 7 * 24 * HOUR, step: HOUR },
  "30d": { length: 30 * 24 * HOUR, step: 6 * HOUR },
};

/** The period until now, its end steady for as long as a step. */
export function spanOf(range: Range, now = Date.now()): [from: number, to: number] {
  const { length, step } = PERIODS[range];
  const to = Math.ceil(now / step) * step;
  return [to - length, to];
}

export type Lines = { times: number[]; series: Series[] };

/** `look` gives a line its name and colour; null leaves it out. */
/** A step without a value breaks the lines: nothing is known of it. `step` is in milliseconds. */
export function linesOf(
  found: readonly MetricsSeries[],
  step: number,
  look: (labels: Record<string, string>, at: number) => Omit<Series, "values"> | null,
): Lines {
  const told = [...new Set(found.flatMap((one) => one.points.map(([time]) => time)))].sort((a, b) => a - b);
  const times = told.flatMap((time, at) => ((told[at + 1] ?? time) - time > step ? [time, time + step] : [time]));
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
