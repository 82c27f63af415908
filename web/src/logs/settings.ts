import { keep, useKept } from "@/state/kept";

export type TimeStyle = "off" | "relative" | "absolute";

/** How logs are looked at; kept for the next time. */
export function useLogSettings() {
  const time = useKept("hodei.logs.time");
  const wrap = useKept("hodei.logs.wrap");
  return {
    time: (time === "relative" || time === "absolute" ? time : "off") as TimeStyle,
    setTime: (style: TimeStyle) => keep("hodei.logs.time", style),
    wrap: wrap === "yes",
    setWrap: (on: boolean) => keep("hodei.logs.wrap", on ? "yes" : "no"),
  };
}

/** `+0:01.234`, `+2:03:04.567` after the start. */
export function sinceStart(ms: number): string {
  const whole = Math.max(0, ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const rest = `${two(Math.floor(whole / 1000) % 60)}.${String(whole % 1000).padStart(3, "0")}`;
  return hours > 0 ? `+${hours}:${two(minutes)}:${rest}` : `+${minutes}:${rest}`;
}

/** `13:05:59.123`, here. */
export function timeOfDay(time: number): string {
  const at = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
