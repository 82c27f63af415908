/** What is wrong with a draft, by field. Fields are named as the service names them in `errors[].field`. */
import type { FieldError } from "@/api/errors";
import type { Word } from "@/i18n";
import type { Draft } from "./draft";
import { parseSpan } from "./spans";
import { OpenQuote, split } from "./shell";

/** A message of ours is a word; one of the server is text. */
export type Problem = { word: Word; values?: Record<string, string | number> } | { text: string };
export type Problems = Record<string, Problem>;

const LONGEST_MS = 366 * 86_400_000;
const VARIABLE = /^[^=\0]+$/;

/** `defaultImage` is the one that a server runs jobs in that name none, "" if there is none. */
export function validate(draft: Draft, defaultImage = ""): Problems {
  const problems: Problems = {};
  const say = (field: string, word: Word, values?: Record<string, string | number>) => {
    problems[field] ??= values === undefined ? { word } : { word, values };
  };
  const numeric = (field: string, text: string, least: number, most: number, whole: boolean) => {
    if (text.trim() === "") return;
    const value = Number(text.replace(",", "."));
    if (Number.isNaN(value)) say(field, "form.error.number");
    else if (whole && !Number.isInteger(value)) say(field, "form.error.whole");
    else if (value < least || value > most) say(field, "form.error.between", { least, most });
  };
  const span = (field: string, text: string, most = LONGEST_MS) => {
    const ms = parseSpan(text);
    if (ms !== null && Number.isNaN(ms)) say(field, "form.error.span");
    else if (ms !== null && ms > most) say(field, "form.error.span-long");
  };
  const numbers = (field: string, text: string, least: number, most: number) => {
    for (const one of text.split(",").map((part) => part.trim()).filter(Boolean)) {
      const value = Number(one);
      if (!Number.isInteger(value) || value < least || value > most) say(field, "form.error.codes", { least, most });
    }
  };

  if (draft.name.length > 256) say("name", "form.error.long", { most: 256 });
  checkCommand(draft, say);
  if (/\s/.test(draft.image.trim())) say("image", "form.error.image");
  if (draft.kind === "exec" && draft.image.trim() === "" && defaultImage === "") say("image", "form.error.no-image");
  for (const [field, pairs] of [["env", draft.env], ["labels", draft.labels]] as const) {
    const names = new Set<string>();
    pairs.forEach(({ name, value }, at) => {
      if (name === "" && value === "") return;
      if (!VARIABLE.test(name)) say(`${field}.${at}`, "form.error.variable");
      else if (names.has(name)) say(`${field}.${at}`, "form.error.twice", { name });
      names.add(name);
    });
  }
  numeric("resources.cpu_cores", draft.cpu_cores, 0, 1024, false);
  numeric("resources.memory_mib", draft.memory_mib, 0, 2 ** 40, true);
  numeric("resources.storage_mib", draft.storage_mib, 0, 2 ** 40, true);
  numeric("resources.gpu", draft.gpu, 0, 1024, true);
  span("timeout_ms", draft.execution);
  span("timeouts.queue_ms", draft.queue);
  span("timeouts.no_output_ms", draft.no_output);
  span("timeouts.total_ms", draft.total);
  span("timeouts.grace_ms", draft.grace, 3_600_000);
  numeric("max_budget", draft.max_budget, 0, 1e12, false);
  draft.constraints.forEach(({ key, values }, at) => {
    if (key.trim() === "" || values.trim() === "") say(`constraints.${at}`, "form.error.constraint");
  });
  if (draft.allow_retry) {
    if (draft.max_attempts.trim() === "") say("retry.max_attempts", "form.error.number");
    numeric("retry.max_attempts", draft.max_attempts, 1, 1000, true);
    span("retry.initial_ms", draft.initial);
    span("retry.maximum_ms", draft.maximum);
    numeric("retry.factor", draft.factor, 1, 100, false);
    numeric("retry.jitter", draft.jitter, 0, 1, false);
    numbers("retry.exit_codes", draft.exit_codes, -1, 255);
    numbers("retry.signals", draft.signals, 1, 64);
  }
  return problems;
}

function checkCommand({ kind, content, interpreter }: Draft, say: (field: string, word: Word) => void): void {
  if (content.trim() === "") say("command", kind === "shell" || kind === "exec" ? "form.error.no-command" : "form.error.no-script");
  if (kind === "script" && interpreter.trim() === "") say("script.interpreter", "form.error.no-interpreter");
  if (kind !== "exec") return;
  try {
    split(content);
  } catch (error) {
    if (error instanceof OpenQuote) say("command", "form.error.quote");
    else throw error;
  }
}

/** Fields of the form that show problems of their own; a deeper path belongs to the longest that begins it. */
const FIELDS = [
  "name", "description", "command", "script.interpreter", "image", "pull", "user", "entrypoint", "env", "working_dir", "stdin",
  "resources.cpu_cores", "resources.memory_mib", "resources.storage_mib", "resources.gpu", "resources.architecture",
  "timeout_ms", "timeouts.queue_ms", "timeouts.no_output_ms", "timeouts.total_ms", "timeouts.grace_ms",
  "provider", "region", "priority", "max_budget", "constraints", "on_worker_lost", "labels", "tags", "drop_logs",
  "retry.max_attempts", "retry.initial_ms", "retry.factor", "retry.maximum_ms", "retry.jitter", "retry.exit_codes", "retry.signals", "retry.reasons",
];
const ALIASES: Record<string, string> = { "script.content": "command", script: "command", "timeouts.execution_ms": "timeout_ms" };

/** What the server refuses, at the fields of the form; `rest` is what belongs to none. */
export function atFields(errors: readonly FieldError[], draft: Draft): { problems: Problems; rest: FieldError[] } {
  const problems: Problems = {};
  const rest: FieldError[] = [];
  for (const error of errors) {
    const path = error.field.replace(/^spec\./, "");
    const known = ALIASES[path] ?? FIELDS.find((field) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`));
    if (known === undefined) rest.push(error);
    else problems[rowOf(known, path, draft)] ??= { text: error.message };
  }
  return { problems, rest };
}

/** `env.HOME` is the row with that name. */
function rowOf(field: string, path: string, draft: Draft): string {
  if (field !== "env" && field !== "labels") return field;
  const name = path.slice(field.length + 1);
  const at = draft[field].findIndex((one) => one.name === name);
  return at < 0 ? field : `${field}.${at}`;
}
