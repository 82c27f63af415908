import { ChevronDown } from "lucide-react";
import { useMemo, useState } from "react";
import type { AuditRecord } from "@/api/types";
import { useWords } from "@/i18n";
import { classes, CopyButton, StateBadge } from "@/parts";
import { IdLink, type Kind } from "./Id";
import { useProviders } from "./queries";
import { readable } from "./reading";

/** Events, the newest first, each with all that it says behind a button. `about` shows what each is about. */
export function Events({ records, about = true }: { records: readonly AuditRecord[]; about?: boolean }) {
  return (
    <ul className="divide-y divide-line">
      {records.map((record) => (
        <Event key={record.id} record={record} about={about} />
      ))}
    </ul>
  );
}

function Event({ record, about }: { record: AuditRecord; about: boolean }) {
  const { t, format } = useWords();
  const [open, setOpen] = useState(false);
  const names = useProviderNames();
  const links = linksOf(record, names);
  return (
    <li className="px-4 py-2.5 text-sm">
      <div className="grid grid-cols-[1fr_auto_auto] items-center gap-x-3 gap-y-1 md:grid-cols-[9rem_minmax(11rem,1fr)_minmax(0,2.4fr)_auto]">
        <span className="min-w-0 truncate font-medium md:order-2">{record.event_type}</span>
        <time
          dateTime={record.occurred_at}
          title={format.moment(record.occurred_at)}
          className="whitespace-nowrap text-xs tabular text-muted md:order-1 md:text-sm"
        >
          {format.stamp(record.occurred_at)}
        </time>
        <button
          type="button"
          aria-expanded={open}
          aria-label={t("audit.show-payload", { event: record.event_type })}
          title={t("audit.payload")}
          onClick={() => setOpen(!open)}
          className="-my-1 grid size-8 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink md:order-4"
        >
          <ChevronDown size={16} aria-hidden className={classes("transition-transform", open && "rotate-180")} />
        </button>
        <div className="col-span-3 flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1 md:order-3 md:col-span-1">
          {about &&
            links.map(([kind, id, name]) => (
              <span key={kind + id} className="inline-flex items-baseline gap-1.5">
                <span className="text-xs text-muted">{t(WORDS[kind])}</span>
                <IdLink kind={kind} id={id}>
                  {name}
                </IdLink>
              </span>
            ))}
          <Gist payload={record.payload} />
          {record.actor && (
            <span className="text-xs text-muted">
              {t("audit.actor")} <bdi className="text-ink">{readable(record.actor)}</bdi>
            </span>
          )}
        </div>
      </div>
      {open && <Payload record={record} />}
    </li>
  );
}

const WORDS: Record<Kind, "workers.job" | "workers.worker" | "workers.provider"> = {
  job: "workers.job",
  worker: "workers.worker",
  provider: "workers.provider",
};
const KINDS = ["job", "worker", "provider"] as const;

/** The names of providers by their ids: people know them by these. */
function useProviderNames(): ReadonlyMap<string, string> {
  const { data } = useProviders();
  return useMemo(() => new Map((data ?? []).map(({ id, name }) => [id, name])), [data]);
}

function linksOf({ payload }: AuditRecord, names: ReadonlyMap<string, string>): [Kind, string, string | undefined][] {
  return KINDS.flatMap((kind) => {
    const id = payload[`${kind}_id`];
    if (typeof id !== "string" || id === "") return [];
    const name = kind === "provider" ? names.get(id) : undefined;
    return [[kind, id, name] as [Kind, string, string | undefined]];
  });
}

/** What most want to know of an event, in a few words. */
function Gist({ payload }: { payload: Record<string, unknown> }) {
  const { format } = useWords();
  const text = (name: string) => (typeof payload[name] === "string" ? readable(payload[name] as string) : "");
  const said = [text("name"), text("stage"), text("reason") === "exit" ? "" : text("reason"), text("message")].filter(Boolean);
  const code = payload["exit_code"];
  return (
    <>
      {text("new_state") && (
        <span className="inline-flex items-center gap-1.5">
          {text("old_state") && (
            <>
              <StateBadge state={text("old_state")} />
              <span aria-hidden className="text-faint">
                →
              </span>
            </>
          )}
          <StateBadge state={text("new_state")} />
        </span>
      )}
      {typeof payload["depth"] === "number" && (
        <span className="text-xs tabular text-muted">
          {format.number(Number(payload["before"] ?? 0))} → {format.number(payload["depth"])}
        </span>
      )}
      {typeof code === "number" && <span className="text-xs text-muted">exit {code}</span>}
      {said.length > 0 && (
        <span className="min-w-0 max-w-full truncate text-muted">
          <bdi>{said.join(" · ")}</bdi>
        </span>
      )}
    </>
  );
}

function Payload({ record }: { record: AuditRecord }) {
  const { t, format } = useWords();
  const { payload, ...rest } = record;
  const text = readable(JSON.stringify({ ...rest, payload }, null, 2));
  return (
    <div className="mt-2 rounded-lg bg-sunken">
      <div className="flex items-center justify-between gap-2 px-3 pt-1.5 text-xs text-muted">
        {format.moment(record.occurred_at)}
        <CopyButton text={text} />
      </div>
      <pre tabIndex={0} aria-label={t("audit.payload")} className="max-h-96 overflow-auto whitespace-pre-wrap break-words px-3 pb-3 font-mono text-xs">
        {text}
      </pre>
    </div>
  );
}
