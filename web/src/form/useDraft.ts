import { useQuery } from "@tanstack/react-query";
import { createContext, type FormEvent, useContext, useState } from "react";
import { api } from "@/api/client";
import { type ApiError } from "@/api/errors";
import { keys } from "@/api/keys";
import type { Provider } from "@/api/types";
import { useWords } from "@/i18n";
import { type Draft } from "./draft";
import { atFields, type Problem, type Problems, validate } from "./validate";

/** What is missing is not said before somebody tries to submit. */
const LATER = new Set(["form.error.no-image", "form.error.no-command", "form.error.no-script", "form.error.no-interpreter", "form.error.constraint"]);

/** The draft, and which problem is shown at which field. */
export function useDraft(initial: Draft) {
  const { t } = useWords();
  const [draft, setDraft] = useState(initial);
  const [submitted, setSubmitted] = useState(false);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<Problems>({});
  const defaultImage = useDefaultImage();
  const own = validate(draft, defaultImage);
  const shown = (field: string): Problem | undefined => {
    const mine = own[field];
    if (mine !== undefined && (submitted || (touched.has(field) && !("word" in mine && LATER.has(mine.word))))) return mine;
    return refused[field];
  };
  const fields = new Set([...Object.keys(own), ...Object.keys(refused)].filter((field) => shown(field) !== undefined));
  const nameOf = (event: FormEvent) => (event.target as { name?: string }).name ?? "";
  return {
    draft,
    defaultImage,
    set: (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part })),
    errorOf: (field: string): string | null => {
      const problem = shown(field);
      return problem === undefined ? null : "text" in problem ? problem.text : t(problem.word, problem.values);
    },
    isSound: Object.keys(own).length === 0,
    wrong: fields.size,
    onSubmit: () => setSubmitted(true),
    /** Errors of the server at their fields; what belongs to no field comes back. */
    refuse: (error: ApiError) => {
      const { problems, rest } = atFields(error.errors, draft);
      setRefused(problems);
      return rest;
    },
    /** For the form: remembers what was left, forgets what the server said about what is changed. */
    onBlur: (event: FormEvent) => setTouched((before) => (before.has(nameOf(event)) ? before : new Set(before).add(nameOf(event)))),
    onChange: (event: FormEvent) => {
      const name = nameOf(event);
      if (name in refused) setRefused(({ [name]: _, ...others }) => others);
    },
  };
}

/** What some provider runs jobs in that name no image. */
function useDefaultImage(): string {
  const providers = useQuery({ queryKey: keys.providers(), queryFn: ({ signal }) => api<Provider[]>("/providers", { signal }) });
  const told = (providers.data ?? []).map(({ config, labels }) => String(config["default_image"] ?? labels["hodei.default-image"] ?? ""));
  return told.find((image) => image !== "") ?? "";
}

export type Form = ReturnType<typeof useDraft>;

const Context = createContext<Form | null>(null);
export const FormProvider = Context.Provider;

export function useForm(): Form {
  const form = useContext(Context);
  if (form === null) throw new Error("useForm() needs a FormProvider above it");
  return form;
}
