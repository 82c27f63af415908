import { many, one } from "@/search";

/** What /jobs is narrowed to. It is in the address, so that it can be kept and sent. */
export type JobFilter = {
  state?: string[];
  name?: string;
  owner?: string;
  label?: string[];
  provider?: string;
  after?: string;
  before?: string;
};

export function jobFilter(search: Record<string, unknown>): JobFilter {
  const state = many(search["state"]);
  const label = many(search["label"]);
  return {
    ...(state.length > 0 ? { state } : {}),
    name: one(search["name"]),
    owner: one(search["owner"]),
    ...(label.length > 0 ? { label } : {}),
    provider: one(search["provider"]),
    after: one(search["after"]),
    before: one(search["before"]),
  };
}
