import {
  AlarmClock,
  Ban,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleHelp,
  CirclePause,
  CircleX,
  LoaderCircle,
  type LucideIcon,
  PlugZap,
  TriangleAlert,
} from "lucide-react";
import type { ReactNode } from "react";
import { useWords, type Word } from "@/i18n";
import { classes } from "./classes";

export type Tone = "good" | "bad" | "warn" | "busy" | "wait" | "step";

const TONES: Record<Tone, string> = {
  good: "text-good bg-good-soft",
  bad: "text-bad bg-bad-soft",
  warn: "text-warn bg-warn-soft",
  busy: "text-busy bg-busy-soft",
  wait: "text-wait bg-wait-soft",
  step: "text-step bg-step-soft",
};

export function Badge({ tone = "wait", icon, children }: { tone?: Tone; icon?: ReactNode; children: ReactNode }) {
  return (
    <span
      className={classes(
        "inline-flex items-center gap-1 whitespace-nowrap rounded-full px-2 py-0.5 text-xs font-medium",
        TONES[tone],
      )}
    >
      {icon}
      {children}
    </span>
  );
}

/** Each state has a colour, a shape and a word, so that it can be told without seeing colours. */
const STATES: Record<string, [Tone, LucideIcon]> = {
  PENDING: ["wait", CircleDashed],
  SCHEDULED: ["step", CircleDot],
  RUNNING: ["busy", LoaderCircle],
  SUCCEEDED: ["good", CircleCheck],
  FAILED: ["bad", CircleX],
  CANCELLED: ["wait", Ban],
  TIMEOUT: ["warn", AlarmClock],
  CREATING: ["step", CircleDashed],
  CONNECTING: ["step", PlugZap],
  READY: ["good", CircleCheck],
  IDLE: ["good", CircleCheck],
  BUSY: ["busy", LoaderCircle],
  DRAINING: ["warn", CirclePause],
  DISCONNECTED: ["bad", PlugZap],
  TERMINATING: ["wait", CirclePause],
  TERMINATED: ["wait", Ban],
  HEALTHY: ["good", CircleCheck],
  ACTIVE: ["good", CircleCheck],
  ENABLED: ["good", CircleCheck],
  DEGRADED: ["warn", TriangleAlert],
  OVERLOADED: ["warn", TriangleAlert],
  MAINTENANCE: ["warn", CirclePause],
  UNHEALTHY: ["bad", CircleX],
  DISABLED: ["wait", Ban],
  UNKNOWN: ["wait", CircleHelp],
};

export function StateIcon({ state, size = 14 }: { state: string; size?: number }) {
  const [, Icon] = STATES[state.toUpperCase()] ?? ["wait", CircleHelp];
  return <Icon size={size} aria-hidden className={classes(Icon === LoaderCircle && "animate-spin [animation-duration:2s]")} />;
}

export function toneOf(state: string): Tone {
  return STATES[state.toUpperCase()]?.[0] ?? "wait";
}

/** A state of a job, worker or provider, in words. */
export function StateBadge({ state }: { state: string }) {
  const name = useStateName();
  return (
    <Badge tone={toneOf(state)} icon={<StateIcon state={state} size={13} />}>
      {name(state)}
    </Badge>
  );
}

/** The name of a state in the chosen language; the state itself when it is not known here. */
export function useStateName(): (state: string) => string {
  const { t } = useWords();
  return (state) => (state.toUpperCase() in STATES ? t(`state.${state.toUpperCase()}` as Word) : state);
}
