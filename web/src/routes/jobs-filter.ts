import type { Query } from "@/api/client";
import { many, one } from "@/search";

/** What /jobs is narrowed to. It is in the address, so that it can be kept and sent. */
export type JobFilter = {
  state?: string[];
  name?: string;
  owner?: string;
  label?: string[];
  provider?: string;
  /** A moment, or `24h`: so long before now. */
  after?: string;
  before?: string;
};

export const PERIODS = ["1h", "24h", "7d", "30d"] as const;
export type Period = (typeof PERIODS)[number];

const HOUR = 3_600_000;
const LENGTHS: Record<Period, number> = { "1h": HOUR, "24h": 24 * HOUR, "7d": 168 * HOUR, "30d": 720 * HOUR };

export const isPeriod = (text: string | undefined): text is Period => PERIODS.includes(text as Period);

export function jobFilter(search: Record<string, unknown>): JobFilter {
  const filter: JobFilter = {
    state: many(search["state"]),
    name: one(search["name"]),
    owner: one(search["owner"]),
    label: many(search["label"]),
    provider: one(search["provider"]),
    after: moment(one(search["after"])),
    before: moment(one(search["before"])),
  };
  for (const [name, value] of Object.entries(filter)) {
    if (value === undefined || value.length === 0) delete filter[name as keyof JobFilter];
  }
  return filter;
}

/** What is no moment is left out: a mistyped address shows more, never an error. */
function moment(text: string | undefined): string | undefined {
  return text !== undefined && (isPeriod(text) || !Number.isNaN(Date.parse(text))) ? text : undefined;
}

/** The same as the service asks for it, seen at `now` (epoch ms). */
export function jobQuery({ state, name, owner, label, provider, after, before }: JobFilter, now: number): Query {
  const since = isPeriod(after) ? now - LENGTHS[after] : after === undefined ? undefined : Date.parse(after);
  return {
    state,
    name,
    owner,
    label,
    provider,
    created_after: since === undefined ? undefined : new Date(since).toISOString(),
    created_before: before === undefined ? undefined : new Date(before).toISOString(),
  };
}

export const isNarrowed = (filter: JobFilter) => Object.keys(filter).length > 0;
