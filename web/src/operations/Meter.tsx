import { classes } from "@/parts";

type Props = { label: string; value: number; most: number; text: string; tone?: "accent" | "auto" };

/** How much of something is taken: a bar, and the same in words. */
export function Meter({ label, value, most, text, tone = "accent" }: Props) {
  const share = most > 0 ? Math.min(1, Math.max(0, value / most)) : 0;
  const full = tone === "auto" && share >= 0.9;
  return (
    <div>
      <div className="mb-1 flex items-baseline justify-between gap-3 text-xs">
        <span className="text-muted">{label}</span>
        <span className="tabular text-ink">{text}</span>
      </div>
      <div
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={most || 1}
        aria-valuenow={Math.min(value, most || 1)}
        aria-valuetext={text}
        className="h-1.5 overflow-hidden rounded-full bg-line"
      >
        <div
          className={classes("h-full rounded-full transition-[width] duration-300", full ? "bg-warn" : "bg-accent")}
          style={{ width: `${share * 100}%` }}
        />
      </div>
    </div>
  );
}
