/** Words of the pages in English and Spanish. Every entry is a pair, so that none can lack its translation. */
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { keep, useKept } from "@/state/kept";
import { formats, type Formats } from "./format";
import { filters } from "./words/filters";
import { form } from "./words/form";
import { jobs } from "./words/jobs";
import { logs } from "./words/logs";
import { observing } from "./words/observing";
import { operations } from "./words/operations";
import { providers } from "./words/providers";
import { shared } from "./words/shared";
import { workers } from "./words/workers";

export type Language = "en" | "es";
/** English, Spanish. `{name}` takes a value; `one|other` is chosen by the value `n`. */
export type Pair = readonly [en: string, es: string];

const words = { ...shared, ...filters, ...form, ...jobs, ...logs, ...operations, ...providers, ...workers, ...observing };
export type Word = keyof typeof words;
export type Values = Readonly<Record<string, string | number>>;
export type Translate = (word: Word, values?: Values) => string;

export function translator(language: Language): Translate {
  const plural = new Intl.PluralRules(language);
  return (word, values) => {
    let text: string = (words[word] as Pair)[language === "es" ? 1 : 0];
    if (values === undefined) return text;
    if (typeof values["n"] === "number" && text.includes("|")) {
      const [one, other] = text.split("|") as [string, string];
      text = plural.select(values["n"]) === "one" ? one : other;
    }
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? value.toLocaleString(language) : value;
    });
  };
}

type Spoken = { language: Language; t: Translate; format: Formats };
const Context = createContext<Spoken | null>(null);

const KEY = "hodei.language";

/** The browser's first language of ours, unless another was chosen. */
export function useLanguage(): [Language, (language: Language) => void] {
  const kept = useKept(KEY);
  const preferred = navigator.languages.map((l) => l.slice(0, 2)).find((l) => l === "es" || l === "en");
  const language = kept === "en" || kept === "es" ? kept : preferred === "es" ? "es" : "en";
  return [language, (chosen) => keep(KEY, chosen)];
}

export function Speaking({ children }: { children: ReactNode }) {
  const [language] = useLanguage();
  const spoken = useMemo(() => ({ language, t: translator(language), format: formats(language) }), [language]);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  return <Context value={spoken}>{children}</Context>;
}

/** `t("nav.jobs")`, `format.duration(ms)` … in the chosen language. */
export function useWords(): Spoken {
  const spoken = useContext(Context);
  if (spoken === null) throw new Error("useWords() needs <Speaking> above it");
  return spoken;
}
