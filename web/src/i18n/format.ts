/** Dates, durations, numbers and sizes in a language. */

export type Formats = ReturnType<typeof formats>;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `850 ms`, `4.2 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`: two units at most, steady in width while it ticks. */
export function duration(ms: number, language: string): string {
  if (!Number.isFinite(ms)) return "–";
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1000) return `${whole} ms`;
  const tenths = Math.floor(whole / 100) / 10;
  if (tenths < 10) return `${tenths.toLocaleString(language, { minimumFractionDigits: 1 })} s`;
  if (whole < MINUTE) return `${Math.floor(whole / 1000)} s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${two(Math.floor((whole % MINUTE) / 1000))} s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h ${two(Math.floor((whole % HOUR) / MINUTE))} min`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export function bytes(count: number, language: string): string {
  let unit = 0;
  let value = count;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && Math.abs(value) < 10 ? 1 : 0;
  return `${value.toLocaleString(language, { maximumFractionDigits: digits, minimumFractionDigits: 0 })} ${UNITS[unit]}`;
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", DAY],
  ["hour", HOUR],
  ["minute", MINUTE],
  ["second", 1000],
];

export function formats(language: "en" | "es") {
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const stamp = new Intl.DateTimeFormat(language, {
    ...{ month: "short", day: "numeric" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return {
    duration: (ms: number) => duration(ms, language),
    bytes: (count: number) => bytes(count, language),
    number: (value: number, options?: Intl.NumberFormatOptions) => value.toLocaleString(language, options),
    percent: (share: number) => share.toLocaleString(language, { style: "percent", maximumFractionDigits: 1 }),
    /** Date and time of day, here. */
    moment: (time: string | number) => moment.format(new Date(time)),
    day: (time: string | number) => day.format(new Date(time)),
    /** The same without the year, for lists. */
    stamp: (time: string | number) => stamp.format(new Date(time)),
    clock: (time: string | number) => clock.format(new Date(time)),
    /** `3 min. ago`, as seen at `now` (epoch ms). */
    ago: (time: string | number, now: number) => {
      const delta = new Date(time).getTime() - now;
      const [unit, size] = STEPS.find(([, size]) => Math.abs(delta) >= size) ?? ["second", 1000];
      return relative.format(Math.trunc(delta / size), unit);
    },
  };
}
