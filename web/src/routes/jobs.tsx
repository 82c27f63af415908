import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ArrowUp, Ban, ListChecks, Plus, RotateCw, X } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { isOver, type JobSummary } from "@/api/types";
import { useWords } from "@/i18n";
import { JobFilters } from "@/jobs/JobFilters";
import { JobTable } from "@/jobs/JobTable";
import { useJobActions } from "@/jobs/useJobActions";
import { useJobList } from "@/jobs/useJobList";
import { Button, buttonClass, Card, classes, Confirm, EmptyState, ErrorPanel, IconButton, PageHead, Skeleton } from "@/parts";
import { useSlash } from "@/state/slash";
import { isNarrowed, type JobFilter, jobFilter } from "./jobs-filter";

/** All jobs, live: find, select, cancel, run again. */
export default function Jobs() {
  const { t } = useWords();
  const filter = useSearch({ from: "/jobs" });
  const navigate = useNavigate();
  const search = useRef<HTMLInputElement>(null);
  const [selected, setSelected] = useState<ReadonlyMap<string, JobSummary>>(new Map());
  const { jobs, list, hasNewer, renew } = useJobList(filter);
  useSlash(() => search.current?.focus());
  useEscape(() => setSelected(new Map()));

  const change = (next: JobFilter) => {
    setSelected(new Map());
    void navigate({ to: "/jobs", search: jobFilter(next), replace: true });
  };
  const select = (job: JobSummary, on: boolean) =>
    setSelected((before) => {
      const after = new Map(before);
      if (on) after.set(job.id, job);
      else after.delete(job.id);
      return after;
    });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  return (
    <>
      <PageHead
        title={t("jobs.title")}
        actions={
          <Link to="/jobs/new" className={classes(buttonClass({ look: "primary" }), "max-md:hidden")}>
            <Plus size={16} aria-hidden />
            {t("jobs.new")}
          </Link>
        }
      />
      <JobFilters ref={search} filter={filter} onChange={change} />
      {list.error && <div className="mb-4"><ErrorPanel error={list.error} onRetry={() => void list.refetch()} /></div>}
      {hasNewer && (
        <div className="sticky top-3 z-10 mb-3 flex justify-center">
          <Button look="primary" size="sm" className="shadow-high" icon={<ArrowUp size={14} aria-hidden />} onClick={() => { void renew(); window.scrollTo({ top: 0 }); }}>
            {t("jobs.changed")} – {t("jobs.changed.show")}
          </Button>
        </div>
      )}
      {list.isPending ? (
        <Card><Skeleton lines={8} /></Card>
      ) : jobs.length === 0 && !list.error ? (
        <Card>
          <EmptyState
            icon={<ListChecks size={36} aria-hidden />}
            title={t(isNarrowed(filter) ? "jobs.empty.filtered" : "jobs.empty")}
            action={
              isNarrowed(filter) ? (
                <Button onClick={() => change({})}>{t("filters.clear")}</Button>
              ) : (
                <Link to="/jobs/new" className={buttonClass({ look: "primary" })}>{t("jobs.new")}</Link>
              )
            }
          >
            {!isNarrowed(filter) && t("jobs.empty.text")}
          </EmptyState>
        </Card>
      ) : (
        <>
          <JobTable
            jobs={jobs}
            selected={new Set(selected.keys())}
            onSelect={select}
            onSelectAll={(on) => setSelected(on ? new Map(jobs.map((job) => [job.id, job])) : new Map())}
            onNearEnd={more}
          />
          <p className="mt-3 flex justify-between gap-4 text-xs text-faint">
            <span role="status">{isFetchingNextPage ? t("part.loading") : t("jobs.loaded", { n: jobs.length })}</span>
            <span className="max-md:hidden">{t("jobs.keys")}</span>
          </p>
        </>
      )}
      {selected.size > 0 && <Selection jobs={jobs} selected={selected} onDone={() => setSelected(new Map())} />}
    </>
  );
}

/** What can be done with the jobs that are selected. */
function Selection({ jobs, selected, onDone }: { jobs: readonly JobSummary[]; selected: ReadonlyMap<string, JobSummary>; onDone: () => void }) {
  const { t } = useWords();
  const actions = useJobActions();
  const [asking, setAsking] = useState(false);
  const now = new Map(jobs.map((job) => [job.id, job]));
  const chosen = [...selected.values()].map((job) => now.get(job.id) ?? job);
  const running = chosen.filter(({ state }) => !isOver(state)).map(({ id }) => id);
  const over = chosen.filter(({ state }) => isOver(state)).map(({ id }) => id);
  return (
    <div role="region" aria-label={t("jobs.selected", { n: selected.size })} className="fixed inset-x-0 bottom-[calc(3.75rem+env(safe-area-inset-bottom))] z-30 flex justify-center px-3 md:bottom-5">
      <div className="flex flex-wrap items-center gap-2 rounded-2xl border border-line bg-raised px-3 py-2 shadow-high">
        <span className="px-1 text-sm font-medium" role="status">{t("jobs.selected", { n: selected.size })}</span>
        <Button size="sm" look="danger" disabled={running.length === 0} icon={<Ban size={14} aria-hidden />} onClick={() => setAsking(true)}>
          {t("jobs.cancel.n", { n: running.length })}
        </Button>
        <Button size="sm" disabled={over.length === 0} busy={actions.busy && !asking} icon={<RotateCw size={14} aria-hidden />} onClick={() => void actions.retry(over).then(onDone)}>
          {t("jobs.retry.n", { n: over.length })}
        </Button>
        <IconButton size="sm" label={t("jobs.unselect")} onClick={onDone}>
          <X size={16} aria-hidden />
        </IconButton>
      </div>
      <Confirm
        open={asking}
        title={t("jobs.cancel.n", { n: running.length })}
        description={t("jobs.cancel.why")}
        confirm={t("jobs.cancel.n", { n: running.length })}
        danger
        busy={actions.busy}
        onClose={() => setAsking(false)}
        onConfirm={() => void actions.cancel(running).then(() => { setAsking(false); onDone(); })}
      />
    </div>
  );
}

/** Esc selects nothing. */
function useEscape(act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement | null;
      if (event.key === "Escape" && !target?.closest("input, textarea, select, [role=dialog], [role=menu]")) latest.current();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
