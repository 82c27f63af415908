import type { Pair } from "..";

/** The log viewer. */
export const logs = {
  "logs.title": ["Logs", "Logs"],
} as const satisfies Record<string, Pair>;
