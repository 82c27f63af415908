import { type FormEvent, useEffect, useState } from "react";
import { useWords } from "@/i18n";
import { Button, Field, Input, Select } from "@/parts";
import { one } from "@/search";

/** What /audit is narrowed to, as it stands in the address; times are RFC 3339. */
export type AuditFilter = { type?: string; actor?: string; correlation_id?: string; after?: string; before?: string };

const NAMES = ["type", "actor", "correlation_id", "after", "before"] as const;

export function filterOf(search: Record<string, unknown>): AuditFilter {
  const filter: AuditFilter = {};
  for (const name of NAMES) {
    const value = one(search[name]);
    if (value !== undefined) filter[name] = value;
  }
  return filter;
}

/** What the platform writes down; the trail may hold others, from older or newer versions. */
const TYPES = [
  "JobCreated",
  "JobProvisioning",
  "JobAssigned",
  "JobStatusChanged",
  "JobCancelRequested",
  "JobCancelled",
  "JobRetried",
  "JobHeld",
  "JobReleased",
  "JobQueueDepthChanged",
  "WorkerProvisioned",
  "WorkerRegistered",
  "WorkerStatusChanged",
  "WorkerDisconnected",
  "WorkerReconnected",
  "WorkerTerminated",
  "WorkerHeartbeat",
  "ProviderRegistered",
  "ProviderUpdated",
  "ProviderHealthChanged",
  "ProviderRemoved",
  "AutoScalingTriggered",
  "SchedulerConfigured",
];

type Props = { filter: AuditFilter; onChange: (filter: AuditFilter) => void };

/** Type and times are taken at once, what is typed when it is sent or left. */
export function AuditFilters({ filter, onChange }: Props) {
  const { t } = useWords();
  const set = (name: keyof AuditFilter, value: string) => {
    if ((filter[name] ?? "") === value) return;
    const { [name]: _, ...rest } = filter;
    onChange(value === "" ? rest : { ...rest, [name]: value });
  };
  const types = filter.type && !TYPES.includes(filter.type) ? [filter.type, ...TYPES] : TYPES;
  return (
    <div className="mb-4 grid grid-cols-2 items-end gap-3 md:grid-cols-3 xl:grid-cols-[1.1fr_1fr_1.8fr_1fr_1fr_auto]">
      <Field label={t("audit.type")}>
        <Select value={filter.type ?? ""} onChange={(event) => set("type", event.target.value)}>
          <option value="">{t("audit.any-type")}</option>
          {types.map((type) => (
            <option key={type} value={type}>
              {type}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("audit.actor")}>
        <Typed value={filter.actor ?? ""} onDone={(value) => set("actor", value)} />
      </Field>
      <Field label={t("audit.correlation")} className="max-md:col-span-2">
        <Typed value={filter.correlation_id ?? ""} onDone={(value) => set("correlation_id", value)} />
      </Field>
      <Moment label={t("audit.after")} value={filter.after} onChange={(value) => set("after", value)} />
      <Moment label={t("audit.before")} value={filter.before} onChange={(value) => set("before", value)} />
      <Button disabled={Object.keys(filter).length === 0} onClick={() => onChange({})} className="max-md:col-span-2">
        {t("filters.clear")}
      </Button>
    </div>
  );
}

function Typed({ value, onDone }: { value: string; onDone: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onDone(text.trim());
  };
  return (
    <form onSubmit={submit}>
      <Input type="search" spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} onBlur={() => onDone(text.trim())} />
    </form>
  );
}

/** A moment here, kept in the address as one that is the same everywhere. */
function Moment({ label, value, onChange }: { label: string; value: string | undefined; onChange: (value: string) => void }) {
  const time = value === undefined ? NaN : Date.parse(value);
  const shift = Number.isNaN(time) ? 0 : new Date(time).getTimezoneOffset() * 60_000;
  const here = Number.isNaN(time) ? "" : new Date(time - shift).toISOString().slice(0, 16);
  return (
    <Field label={label}>
      <Input
        type="datetime-local"
        value={here}
        onChange={(event) => {
          const chosen = new Date(event.target.value);
          onChange(Number.isNaN(chosen.getTime()) ? "" : chosen.toISOString());
        }}
      />
    </Field>
  );
}
