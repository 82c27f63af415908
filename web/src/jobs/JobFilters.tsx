import { useQuery } from "@tanstack/react-query";
import { Search, SlidersHorizontal } from "lucide-react";
import { type Ref, useEffect, useId, useRef, useState } from "react";
import { api } from "@/api/client";
import { keys } from "@/api/keys";
import { JOB_STATES, type Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { Button, classes, controlClass, Field, Input, Select, StateIcon, toneOf } from "@/parts";
import { isNarrowed, isPeriod, type JobFilter, PERIODS } from "@/routes/jobs-filter";

type Props = { ref: Ref<HTMLInputElement>; filter: JobFilter; onChange: (filter: JobFilter) => void };

const TONES = { good: "text-good", bad: "text-bad", warn: "text-warn", busy: "text-busy", wait: "text-wait", step: "text-step" };

/** The name, the states, and behind a button the rest. */
export function JobFilters({ ref, filter, onChange }: Props) {
  const { t } = useWords();
  const hidden = filter.owner || filter.label || filter.provider || filter.after || filter.before;
  const [open, setOpen] = useState(Boolean(hidden));
  const panel = useId();
  const states = filter.state ?? [];
  const toggle = (state: string) =>
    onChange({ ...filter, state: states.includes(state) ? states.filter((one) => one !== state) : [...states, state] });
  return (
    <section aria-label={t("filters.title")} className="mb-4 flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Typed
          value={filter.name ?? ""}
          onChange={(name) => onChange({ ...filter, name })}
          render={(props) => (
            <div className="relative min-w-56 flex-1">
              <Search size={15} aria-hidden className="pointer-events-none absolute left-3 top-2.5 text-faint" />
              <input
                {...props}
                ref={ref}
                type="search"
                aria-label={t("filters.name")}
                placeholder={t("filters.name")}
                autoComplete="off"
                className={classes(controlClass, "pl-9")}
              />
            </div>
          )}
        />
        <Button aria-expanded={open} aria-controls={panel} onClick={() => setOpen(!open)} icon={<SlidersHorizontal size={15} aria-hidden />}>
          {t("filters.more")}
        </Button>
        {isNarrowed(filter) && (
          <Button look="ghost" onClick={() => onChange({})}>
            {t("filters.clear")}
          </Button>
        )}
      </div>
      <div role="group" aria-label={t("filters.state")} className="-mx-4 flex gap-1.5 overflow-x-auto px-4 pb-0.5 md:mx-0 md:flex-wrap md:px-0">
        {JOB_STATES.map((state) => {
          const on = states.includes(state);
          return (
            <button
              key={state}
              type="button"
              aria-pressed={on}
              onClick={() => toggle(state)}
              className={classes(
                "inline-flex min-h-8 shrink-0 items-center gap-1.5 rounded-full border px-3 text-xs font-medium",
                on ? "border-accent bg-accent-soft text-ink" : "border-line bg-surface text-muted hover:bg-hover",
              )}
            >
              <span className={TONES[toneOf(state)]}>
                <StateIcon state={state === "RUNNING" ? "SCHEDULED" : state} size={13} />
              </span>
              {t(`state.${state}`)}
            </button>
          );
        })}
      </div>
      {open && <More id={panel} filter={filter} onChange={onChange} />}
    </section>
  );
}

function More({ id, filter, onChange }: { id: string; filter: JobFilter; onChange: (filter: JobFilter) => void }) {
  const { t } = useWords();
  const providers = useQuery({ queryKey: keys.providers(), queryFn: ({ signal }) => api<Provider[]>("/providers", { signal }) });
  const period = isPeriod(filter.after) ? filter.after : filter.after || filter.before ? "own" : "any";
  const [own, setOwn] = useState(period === "own");
  const choose = (chosen: string) => {
    setOwn(chosen === "own");
    onChange({ ...filter, before: undefined, after: chosen === "any" || chosen === "own" ? undefined : chosen });
  };
  return (
    <div id={id} className="grid gap-x-4 gap-y-3 rounded-xl border border-line bg-surface p-4 sm:grid-cols-2 xl:grid-cols-4">
      <Field label={t("filters.period")}>
        <Select value={own ? "own" : period} onChange={(event) => choose(event.target.value)}>
          {(["any", ...PERIODS, "own"] as const).map((one) => (
            <option key={one} value={one}>
              {t(`filters.period.${one}`)}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t("filters.owner")} help={t("filters.owner.help")}>
        <TypedInput value={filter.owner ?? ""} onChange={(owner) => onChange({ ...filter, owner })} />
      </Field>
      <Field label={t("filters.label")} help={t("filters.label.help")}>
        <TypedInput
          value={(filter.label ?? []).join(", ")}
          onChange={(text) => onChange({ ...filter, label: text.split(",").map((one) => one.trim()).filter((one) => one.includes("=")) })}
        />
      </Field>
      <Field label={t("filters.provider")}>
        <Select value={filter.provider ?? ""} onChange={(event) => onChange({ ...filter, provider: event.target.value })}>
          <option value="">{t("filters.provider.any")}</option>
          {(providers.data ?? []).map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      </Field>
      {own && (
        <>
          <Field label={t("filters.after")}>
            <Input type="datetime-local" value={local(filter.after)} onChange={(event) => onChange({ ...filter, after: event.target.value })} />
          </Field>
          <Field label={t("filters.before")}>
            <Input type="datetime-local" value={local(filter.before)} onChange={(event) => onChange({ ...filter, before: event.target.value })} />
          </Field>
        </>
      )}
    </div>
  );
}

/** A moment as the browser's own field wants it. */
function local(moment: string | undefined): string {
  if (moment === undefined || isPeriod(moment)) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const TYPING_MS = 250;

type TypedProps = { value: string; onChange: (event: { target: { value: string } }) => void };

/** Text that reaches the address when the typing rests. */
function Typed({ value, onChange, render }: { value: string; onChange: (value: string) => void; render: (props: TypedProps) => React.ReactNode }) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    if (value !== told.current) {
      told.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = window.setTimeout(() => {
      told.current = text;
      latest.current(text);
    }, TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return render({ value: text, onChange: (event) => setText(event.target.value) });
}

function TypedInput({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return <Typed value={value} onChange={onChange} render={(props) => <Input {...props} />} />;
}
