import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { JobState } from "@/api/types";
import { classes, StateIcon, type Tone } from "@/parts";

const TONES: Record<Tone, string> = {
  good: "text-good",
  bad: "text-bad",
  warn: "text-warn",
  busy: "text-busy",
  wait: "text-muted",
  step: "text-step",
};

type Props = { label: string; value: ReactNode; note?: ReactNode; icon?: ReactNode; tone?: Tone };

/** One number that matters, with what it means. */
export function Stat({ label, value, note, icon, tone = "wait" }: Props) {
  return (
    <div className="flex h-full min-w-0 flex-col rounded-xl border border-line bg-surface p-4 shadow-low">
      <span className={classes("flex items-center gap-1.5 text-sm font-medium", TONES[tone])}>
        {icon}
        {label}
      </span>
      <span className="mt-1 text-2xl font-semibold tracking-tight tabular">{value}</span>
      {note !== undefined && <span className="mt-0.5 text-xs text-muted">{note}</span>}
    </div>
  );
}

/** A number of jobs that leads to them. */
export function JobStat({ states, ...rest }: Omit<Props, "icon"> & { states: JobState[] }) {
  return (
    <Link
      to="/jobs"
      search={states.length > 0 ? { state: states } : {}}
      className="block rounded-xl transition-shadow hover:shadow-high focus-visible:outline-offset-2"
    >
      <Stat {...rest} icon={states[0] && <StateIcon state={states[0]} size={15} />} />
    </Link>
  );
}
