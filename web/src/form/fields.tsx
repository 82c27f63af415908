/** Fields bound to the draft. `path` is what the service calls the field. */
import type { ComponentProps, ReactNode } from "react";
import { useWords } from "@/i18n";
import { Field, Input, Select } from "@/parts";
import type { Draft } from "./draft";
import { parseSpan } from "./spans";
import { useForm } from "./useDraft";

type Texts = { [K in keyof Draft]: Draft[K] extends string ? K : never }[keyof Draft];
type Bound = { of: Texts; path: string; label: ReactNode; help?: ReactNode; optional?: boolean; className?: string };

export function TextField({ of, path, label, help, optional, className, ...rest }: Bound & Omit<ComponentProps<"input">, "value" | "onChange">) {
  const { draft, set, errorOf } = useForm();
  return (
    <Field label={label} help={help} optional={optional} error={errorOf(path)} className={className}>
      <Input {...rest} name={path} value={draft[of]} onChange={(event) => set({ [of]: event.target.value } as Partial<Draft>)} />
    </Field>
  );
}

/** A duration; says beside it how long that is. */
export function SpanField({ help, ...rest }: Bound & { placeholder?: string }) {
  const { draft } = useForm();
  const { format } = useWords();
  const ms = parseSpan(draft[rest.of]);
  const read = ms !== null && !Number.isNaN(ms) ? `= ${format.duration(ms)}` : null;
  return <TextField {...rest} help={read ?? help} />;
}

export function ChoiceField({ of, path, label, help, className, children }: Bound & { children: ReactNode }) {
  const { draft, set, errorOf } = useForm();
  return (
    <Field label={label} help={help} error={errorOf(path)} className={className}>
      <Select name={path} value={draft[of]} onChange={(event) => set({ [of]: event.target.value } as Partial<Draft>)}>
        {children}
      </Select>
    </Field>
  );
}
