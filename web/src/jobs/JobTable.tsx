import { useNavigate } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useLayoutEffect, useReducer, useRef, useState } from "react";
import type { JobSummary } from "@/api/types";
import { useWords } from "@/i18n";
import { useWide } from "@/state/media";
import { JobCard, JobRow, ROW_HEIGHT } from "./JobRow";

type Props = {
  jobs: readonly JobSummary[];
  selected: ReadonlySet<string>;
  onSelect: (job: JobSummary, selected: boolean) => void;
  onSelectAll: (selected: boolean) => void;
  onNearEnd: () => void;
};

/** Jobs in a table on wide screens, as cards on narrow ones. Rows out of view are not in the document. */
export function JobTable({ jobs, selected, onSelect, onSelectAll, onNearEnd }: Props) {
  const { t } = useWords();
  const navigate = useNavigate();
  const wide = useWide();
  const place = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  const [active, setActive] = useState(0);
  const toFocus = useRef<number | null>(null);
  const [, redraw] = useReducer((n: number) => n + 1, 0);

  useLayoutEffect(() => {
    const element = place.current;
    if (element) setOffset(element.getBoundingClientRect().top + window.scrollY);
  }, [jobs.length === 0, wide]);
  const virtual = useWindowVirtualizer({
    count: jobs.length,
    estimateSize: () => (wide ? ROW_HEIGHT : 76),
    overscan: 8,
    scrollMargin: offset,
    scrollPaddingStart: 16,
    scrollPaddingEnd: 72,
    getItemKey: (index) => jobs[index]!.id,
  });
  const items = virtual.getVirtualItems();
  const lastSeen = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (lastSeen >= jobs.length - 20) onNearEnd();
  }, [lastSeen, jobs.length, onNearEnd]);
  useEffect(() => virtual.measure(), [wide, virtual]);

  const focus = (index: number) => {
    const to = Math.max(0, Math.min(jobs.length - 1, index));
    setActive(to);
    toFocus.current = to;
    virtual.scrollToIndex(to, { align: "auto" });
    redraw(); // the row that is to be active may be so already
  };
  useLayoutEffect(() => {
    if (toFocus.current === null) return;
    const row = place.current?.querySelector<HTMLElement>(`[data-row="${toFocus.current}"]`);
    if (row) {
      toFocus.current = null;
      row.focus({ preventScroll: true });
    }
  });

  const open = (job: JobSummary) => void navigate({ to: "/jobs/$jobId", params: { jobId: job.id } });
  const act = (key: string): boolean => {
    const at = Math.min(active, jobs.length - 1);
    const job = jobs[at];
    if (job === undefined) return false;
    const inTable = place.current?.contains(document.activeElement) ?? false;
    if (key === "j" || key === "ArrowDown") focus(inTable ? at + 1 : at);
    else if (key === "k" || key === "ArrowUp") focus(inTable ? at - 1 : at);
    else if (key === "x" && inTable) onSelect(job, !selected.has(job.id));
    else if (key === "Enter" && inTable) open(job);
    else return false;
    return true;
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).matches("input, a, button")) return;
    if (act(event.key)) event.preventDefault();
  };
  // j and k lead into the table from anywhere on the page
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const onPage = (event: globalThis.KeyboardEvent) => {
      const target = event.target as Element | null;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (target?.closest("input, textarea, select, [role=dialog], [role=menu]") || place.current?.contains(target)) return;
      if ((event.key === "j" || event.key === "k") && latest.current(event.key)) event.preventDefault();
    };
    document.addEventListener("keydown", onPage);
    return () => document.removeEventListener("keydown", onPage);
  }, []);

  const before = (items[0]?.start ?? offset) - offset;
  const after = virtual.getTotalSize() - ((items.at(-1)?.end ?? offset) - offset);

  if (!wide)
    return (
      <div ref={place} className="-mx-4 border-t border-line bg-surface">
        <ul aria-label={t("jobs.table")} style={{ paddingTop: before, paddingBottom: Math.max(0, after) }}>
          {items.map(({ index, key }) => (
            <li key={key} ref={virtual.measureElement} data-index={index}>
              <JobCard job={jobs[index]!} selected={selected.has(jobs[index]!.id)} onSelect={(on) => onSelect(jobs[index]!, on)} />
            </li>
          ))}
        </ul>
      </div>
    );

  const head = "px-3 py-2 font-medium";
  return (
    <div ref={place} onKeyDown={onKey} className="overflow-clip rounded-xl border border-line bg-surface shadow-low">
      <table aria-rowcount={-1} className="w-full border-collapse">
        <caption className="sr-only">{t("jobs.table")}</caption>
        <thead>
          <tr className="border-b border-line bg-page/60 text-left text-xs text-muted">
            <th scope="col" className="w-11 py-2 pl-4 pr-1">
              <input
                type="checkbox"
                aria-label={t("part.select-all")}
                checked={jobs.length > 0 && jobs.every(({ id }) => selected.has(id))}
                onChange={(event) => onSelectAll(event.target.checked)}
                className="size-4.5 align-middle accent-accent"
              />
            </th>
            <th scope="col" className={head}>{t("jobs.column.state")}</th>
            <th scope="col" className={head}>{t("jobs.column.name")}</th>
            <th scope="col" className={`${head} max-lg:hidden`}>{t("jobs.column.owner")}</th>
            <th scope="col" className={`${head} max-xl:hidden`}>{t("jobs.column.where")}</th>
            <th scope="col" className={`${head} text-right`}>{t("jobs.column.duration")}</th>
            <th scope="col" className={`${head} pr-4 text-right`}>{t("jobs.column.created")}</th>
          </tr>
        </thead>
        <tbody>
          {before > 0 && <tr aria-hidden style={{ height: before }} />}
          {items.map(({ index, key }) => {
            const job = jobs[index]!;
            return (
              <JobRow
                key={key}
                job={job}
                index={index}
                active={index === active}
                selected={selected.has(job.id)}
                onSelect={(on) => onSelect(job, on)}
                onOpen={() => open(job)}
                onFocus={() => setActive(index)}
              />
            );
          })}
          {after > 0 && <tr aria-hidden style={{ height: after }} />}
        </tbody>
      </table>
    </div>
  );
}
