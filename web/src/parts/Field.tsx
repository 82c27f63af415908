import { CircleAlert } from "lucide-react";
import { type ComponentProps, createContext, type ReactNode, useContext, useId } from "react";
import { useWords } from "@/i18n";
import { classes } from "./classes";

type Bound = { id: string; describedBy: string | undefined; invalid: boolean };
const Context = createContext<Bound | null>(null);

type Props = { label: ReactNode; help?: ReactNode; error?: string | null; optional?: boolean; children: ReactNode; className?: string };

/** A labelled control with help and, when something is wrong with it, what. Around Input, Area, Select. */
export function Field({ label, help, error, optional = false, children, className }: Props) {
  const { t } = useWords();
  const id = useId();
  const describedBy = [error && `${id}-error`, help && `${id}-help`].filter(Boolean).join(" ") || undefined;
  return (
    <div className={classes("min-w-0", className)}>
      <label htmlFor={id} className="mb-1 flex items-baseline justify-between gap-2 text-sm font-medium">
        {label}
        {optional && <span className="text-xs font-normal text-faint">{t("part.optional")}</span>}
      </label>
      <Context value={{ id, describedBy, invalid: Boolean(error) }}>{children}</Context>
      <FieldError id={`${id}-error`} error={error} />
      {help && (
        <p id={`${id}-help`} className="mt-1 text-xs text-muted">
          {help}
        </p>
      )}
    </div>
  );
}

export function FieldError({ id, error }: { id?: string; error?: string | null }) {
  if (!error) return null;
  return (
    <p id={id} className="mt-1 flex items-start gap-1 text-xs font-medium text-bad">
      <CircleAlert size={13} className="mt-0.5 shrink-0" aria-hidden />
      {error}
    </p>
  );
}

/** What a control needs from the Field around it: its id, its description, whether it is wrong. */
export function useField(): { id?: string; "aria-describedby"?: string; "aria-invalid"?: true } {
  const bound = useContext(Context);
  if (bound === null) return {};
  return { id: bound.id, "aria-describedby": bound.describedBy, ...(bound.invalid ? { "aria-invalid": true as const } : {}) };
}

export const controlClass =
  "block w-full min-h-9 rounded-lg border border-line-strong/60 bg-surface px-3 py-1.5 text-sm text-ink shadow-low hover:border-line-strong focus-visible:border-accent focus-visible:outline-1 focus-visible:outline-offset-0 aria-invalid:border-bad disabled:opacity-60";

export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input autoComplete="off" {...useField()} {...rest} className={classes(controlClass, className)} />;
}

export function Area({ className, ...rest }: ComponentProps<"textarea">) {
  return <textarea autoComplete="off" rows={3} {...useField()} {...rest} className={classes(controlClass, className)} />;
}

/** The browser's own list: on a phone nothing made by hand is as good. */
export function Select({ className, children, ...rest }: ComponentProps<"select">) {
  return (
    <select {...useField()} {...rest} className={classes(controlClass, "pr-8", className)}>
      {children}
    </select>
  );
}

export function Checkbox({ label, help, className, ...rest }: ComponentProps<"input"> & { label: ReactNode; help?: ReactNode }) {
  const id = useId();
  return (
    <div className={classes("flex items-start gap-2.5", className)}>
      <input
        id={id}
        type="checkbox"
        aria-describedby={help ? `${id}-help` : undefined}
        {...rest}
        className="mt-0.5 size-4.5 shrink-0 accent-accent"
      />
      <label htmlFor={id} className="text-sm">
        <span className="font-medium">{label}</span>
        {help && (
          <span id={`${id}-help`} className="block text-xs text-muted">
            {help}
          </span>
        )}
      </label>
    </div>
  );
}
