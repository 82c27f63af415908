import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTheme } from "@/state/theme";
import { useWords } from "@/i18n";
import { wholeOf } from "./whole";

export type Series = {
  label: string;
  /** A token of the palette: "accent", "good", "bad", "warn", "busy", "step", "wait". */
  color: string;
  /** One value per time; null is a hole. */
  values: (number | null)[];
  filled?: boolean;
  dash?: number[];
};

type Props = {
  label: string;
  /** Epoch milliseconds, rising. */
  times: readonly number[];
  series: readonly Series[];
  format?: (value: number) => string;
  height?: number;
  /** Least upper end of the scale, so that a quiet series does not look wild. */
  atLeast?: number;
  legend?: boolean;
  /** Which time is shown, epoch milliseconds; else that of the data. */
  span?: readonly [from: number, to: number];
  /** Where the scale has its marks: at whole numbers, at whole KiB, MiB …; else anywhere. */
  ticks?: "whole" | "bytes";
  /** Whether the values are counts of their steps: then the legend tells all of them together, not the last. */
  counts?: boolean;
};

const INCREMENTS = {
  whole: [1, 2, 5].flatMap((n) => Array.from({ length: 10 }, (_, power) => n * 10 ** power)).sort((a, b) => a - b),
  bytes: Array.from({ length: 50 }, (_, power) => 2 ** power),
};

/** Whether a value stands alone, so that no line would show it. */
const isLonely = (values: Series["values"]) =>
  values.some((value, at) => value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null);

/** Lines over time. What it shows last is also said in words, for those who do not see it. */
export function LineChart({ label, times, series, format = String, height = 180, atLeast = 0, legend = true, span, ticks, counts = false }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const { t, format: say, language } = useWords();
  const theme = useTheme();
  const shape = series.map((s) => [s.label, s.color, s.filled, s.dash].join()).join(";");
  const dots = series.map((s) => isLonely(s.values)).join();
  const [from, to] = span ?? [];

  const data = [times.map((time) => time / 1000), ...series.map((s) => s.values)] as uPlot.AlignedData;
  const latest = useRef({ data, format, say });
  latest.current = { data, format, say };

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const style = getComputedStyle(document.documentElement);
    const color = (token: string) => style.getPropertyValue(`--${token}`).trim();
    // without a pointer over it the legend tells of the whole: the latest values, or all counts together
    const value = (u: uPlot, v: number | null, at: number, index: number | null) => {
      const known = index === null ? wholeOf(u.data[at] as (number | null)[], counts) : v;
      return known === null || known === undefined ? "–" : latest.current.format(known);
    };
    const axis = {
      stroke: color("muted"),
      font: `11px ${style.getPropertyValue("font-family")}`,
      grid: { stroke: color("line"), width: 1 },
      ticks: { show: false },
    };
    const chart = new uPlot(
      {
        width: element.clientWidth || 300,
        height,
        legend: { show: legend, live: true },
        cursor: { points: { size: 6 }, drag: { x: false, y: false } },
        scales: {
          x: {
            range: (_u, low, high) => {
              if (from !== undefined && to !== undefined) return [from / 1000, to / 1000];
              return high - low > 0 ? [low, high] : [low - 30, high + 30];
            },
          },
          y: { range: (_u, low, high) => [Math.min(0, low ?? 0), Math.max(atLeast, (high ?? 0) * 1.08, 1e-9)] },
        },
        axes: [
          { ...axis, size: 30, values: (_u, ticks, _a, _s, step) => ticks.map((s) => axisTime(s * 1000, step, language)) },
          { ...axis, size: 64, ...(ticks ? { incrs: INCREMENTS[ticks] } : {}), values: (_u, ticks) => ticks.map((v) => latest.current.format(v)) },
        ],
        series: [
          {
            label: "",
            value: (u, s, _at, index) => {
              if (index === null || s === null) return "";
              return spanOf(u) > 86_400 ? latest.current.say.moment(s * 1000) : latest.current.say.clock(s * 1000);
            },
          },
          ...series.map((one) => ({
            label: one.label,
            stroke: color(one.color),
            width: 1.75,
            ...(one.dash ? { dash: one.dash } : {}),
            ...(one.filled ? { fill: `color-mix(in srgb, ${color(one.color)} 14%, transparent)` } : {}),
            points: isLonely(one.values) ? { show: true, size: 5, fill: color(one.color) } : { show: false },
            value,
          })),
        ],
      },
      latest.current.data,
      element,
    );
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth || 300, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
    // data comes through setData below; `shape` stands for the series' looks
  }, [shape, dots, theme, height, atLeast, legend, language, from, to, ticks, counts]);

  useEffect(() => plot.current?.setData(latest.current.data), [times, series]);

  const last = series.map((s) => {
    const value = wholeOf(s.values, counts);
    return `${s.label}: ${value === undefined || value === null ? "–" : format(value)}`;
  });
  if (times.length === 0)
    return (
      <div className="grid place-items-center text-sm text-muted" style={{ height }}>
        {t("part.chart-empty")}
      </div>
    );
  return (
    <figure className="min-w-0" role="img" aria-label={`${label}. ${last.join(", ")}`}>
      <div ref={place} className="min-w-0 overflow-hidden" />
    </figure>
  );
}

function axisTime(ms: number, stepSeconds: number, language: string): string {
  const options: Intl.DateTimeFormatOptions =
    stepSeconds >= 86_400
      ? { day: "numeric", month: "short" }
      : { hour: "2-digit", minute: "2-digit", hour12: false, ...(stepSeconds < 60 ? { second: "2-digit" } : {}) };
  return new Intl.DateTimeFormat(language, options).format(ms);
}

/** Seconds from the first to the last time. */
function spanOf({ data: [times] }: uPlot): number {
  return (times.at(-1) ?? 0) - (times[0] ?? 0);
}
