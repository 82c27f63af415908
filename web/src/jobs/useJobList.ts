import { type InfiniteData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { apiPage, filledPage, type Page } from "@/api/client";
import type { JobSummary } from "@/api/types";
import { type JobFilter, jobQuery } from "@/routes/jobs-filter";

const PAGE = 100;
/** A list longer than this many pages stands still and offers to begin anew: all of it would be asked for again. */
const LIVE_PAGES = 4;

type Pages = InfiniteData<Page<JobSummary>>;

/** Jobs of a filter, newest first, more of them as one scrolls. */
export function useJobList(filter: JobFilter) {
  const client = useQueryClient();
  const key = ["jobs", "list", filter] as const;
  const list = useInfiniteQuery({
    queryKey: key,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => {
      const query = { ...jobQuery(filter, Date.now()), limit: PAGE };
      return filledPage((cursor) => apiPage<JobSummary>("/jobs", { query: { ...query, cursor }, signal }), pageParam, PAGE);
    },
    getNextPageParam: (last) => last.next ?? undefined,
    meta: { standsStill: (data: unknown) => ((data as Pages | undefined)?.pages.length ?? 0) > LIVE_PAGES },
    placeholderData: (before) => before,
  });
  const jobs = useMemo(() => distinct(list.data?.pages ?? []), [list.data]);
  const deep = (list.data?.pages.length ?? 0) > LIVE_PAGES;
  const head = useQuery({
    queryKey: ["jobs", "head", filter],
    queryFn: ({ signal }) => apiPage<JobSummary>("/jobs", { query: { ...jobQuery(filter, Date.now()), limit: 1 }, signal }),
    enabled: deep,
  });
  const newest = head.data?.items[0]?.id;
  return {
    jobs,
    list,
    hasNewer: deep && newest !== undefined && newest !== jobs[0]?.id,
    renew: () => client.resetQueries({ queryKey: key }),
  };
}

/** A job that moved between two answers may be in two pages. */
function distinct(pages: readonly Page<JobSummary>[]): JobSummary[] {
  const seen = new Set<string>();
  return pages.flatMap((page) => page.items).filter(({ id }) => !seen.has(id) && seen.add(id));
}
