/** A job while it is written: what the fields of the form hold, as they were typed. */
import type { Constraint, JobSpec } from "@/api/types";
import type { Variable } from "./env-file";
import { parseSpan } from "./spans";
import { quoteAll, split } from "./shell";

export const KINDS = ["shell", "exec", "python", "node", "script"] as const;
export type Kind = (typeof KINDS)[number];

export type Draft = {
  name: string;
  description: string;
  kind: Kind;
  content: string;
  interpreter: string;
  strict: boolean;
  image: string;
  pull: "missing" | "always" | "never";
  user: string;
  entrypoint: string;
  env: Variable[];
  working_dir: string;
  stdin: string;
  cpu_cores: string;
  memory_mib: string;
  storage_mib: string;
  gpu: string;
  architecture: string;
  execution: string;
  queue: string;
  no_output: string;
  total: string;
  grace: string;
  provider: string;
  region: string;
  priority: "low" | "normal" | "high" | "critical";
  max_budget: string;
  constraints: { key: string; operator: Constraint["operator"]; values: string }[];
  allow_retry: boolean;
  max_attempts: string;
  initial: string;
  factor: string;
  maximum: string;
  jitter: string;
  exit_codes: string;
  signals: string;
  reasons: string;
  on_worker_lost: "retry" | "fail" | "hold";
  labels: Variable[];
  tags: string;
  drop_logs: boolean;
};

export const EMPTY: Draft = {
  name: "", description: "", kind: "shell", content: "", interpreter: "bash", strict: true,
  image: "", pull: "missing", user: "", entrypoint: "", env: [{ name: "", value: "" }], working_dir: "", stdin: "",
  cpu_cores: "", memory_mib: "", storage_mib: "", gpu: "", architecture: "",
  execution: "", queue: "", no_output: "", total: "", grace: "",
  provider: "", region: "", priority: "normal", max_budget: "", constraints: [],
  allow_retry: false, max_attempts: "3", initial: "", factor: "", maximum: "", jitter: "",
  exit_codes: "", signals: "", reasons: "", on_worker_lost: "retry",
  labels: [], tags: "", drop_logs: false,
};

const INTERPRETERS: Partial<Record<Kind, string>> = { python: "python", node: "node" };

const number = (text: string): number | undefined => (text.trim() === "" ? undefined : Number(text.replace(",", ".")));
const list = (text: string): string[] => text.split(",").map((one) => one.trim()).filter((one) => one !== "");
const span = (text: string): number | undefined => parseSpan(text) ?? undefined;
const record = (variables: readonly Variable[]) =>
  Object.fromEntries(variables.filter(({ name }) => name !== "").map(({ name, value }) => [name, value]));

/** Without what is undefined or empty, so that a spec says only what was asked. */
function said<T extends object>(fields: T): Partial<T> {
  const isEmpty = (value: unknown) =>
    value === undefined || value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as Partial<T>;
}

/** What is submitted. The draft is sound, see validate.ts. What is to run in a container runs in one: without an image in the default one. */
export function specOf(draft: Draft, defaultImage = ""): JobSpec {
  return said({
    name: draft.name.trim(),
    description: draft.description.trim(),
    ...commandOf(draft),
    image: draft.image.trim() || (draft.kind === "exec" ? defaultImage : ""),
    pull: draft.pull === "missing" ? undefined : draft.pull,
    user: draft.user.trim(),
    entrypoint: draft.entrypoint.trim(),
    env: record(draft.env),
    working_dir: draft.working_dir.trim(),
    stdin: draft.stdin,
    resources: said({
      cpu_cores: number(draft.cpu_cores),
      memory_mib: number(draft.memory_mib),
      storage_mib: number(draft.storage_mib),
      gpu: number(draft.gpu),
      architecture: draft.architecture,
    }),
    timeout_ms: span(draft.execution),
    timeouts: said({ queue_ms: span(draft.queue), no_output_ms: span(draft.no_output), total_ms: span(draft.total), grace_ms: span(draft.grace) }),
    provider: draft.provider,
    region: draft.region.trim(),
    priority: draft.priority === "normal" ? undefined : draft.priority,
    max_budget: number(draft.max_budget),
    constraints: draft.constraints.map(({ key, operator, values }) => ({ key: key.trim(), operator, values: list(values) })),
    retry: draft.allow_retry
      ? said({
          max_attempts: number(draft.max_attempts),
          initial_ms: span(draft.initial),
          factor: number(draft.factor),
          maximum_ms: span(draft.maximum),
          jitter: number(draft.jitter),
          exit_codes: list(draft.exit_codes).map(Number),
          signals: list(draft.signals).map(Number),
          reasons: list(draft.reasons),
        })
      : undefined,
    on_worker_lost: draft.on_worker_lost === "retry" ? undefined : draft.on_worker_lost,
    labels: record(draft.labels),
    tags: list(draft.tags),
    drop_logs: draft.drop_logs || undefined,
  }) as JobSpec;
}

function commandOf({ kind, content, interpreter, strict }: Draft): Pick<JobSpec, "command" | "script"> {
  if (kind === "shell") return { command: content };
  if (kind === "exec") return { command: split(content) };
  return { script: { interpreter: INTERPRETERS[kind] ?? interpreter.trim(), content, ...(strict ? {} : { strict }) } };
}

const text = (value: number | null | undefined, none?: number): string => (value == null || value === none ? "" : String(value));

/** The form of a job that is there, to make another like it. */
export function draftOf(spec: JobSpec): Draft {
  const { resources = {}, timeouts = {}, retry } = spec;
  const retries = (retry?.max_attempts ?? 1) > 1;
  return {
    ...EMPTY,
    name: spec.name ?? "",
    description: spec.description ?? "",
    ...kindOf(spec),
    image: spec.image ?? "",
    pull: spec.pull ?? "missing",
    user: spec.user ?? "",
    entrypoint: spec.entrypoint ?? "",
    env: variables(spec.env),
    working_dir: spec.working_dir ?? "",
    stdin: spec.stdin ?? "",
    cpu_cores: text(resources.cpu_cores, 0),
    memory_mib: text(resources.memory_mib, 0),
    storage_mib: text(resources.storage_mib, 0),
    gpu: text(Number(resources.gpu ?? 0), 0),
    architecture: resources.architecture ?? "",
    execution: text(spec.timeout_ms ?? timeouts.execution_ms),
    queue: text(timeouts.queue_ms),
    no_output: text(timeouts.no_output_ms),
    total: text(timeouts.total_ms),
    grace: text(timeouts.grace_ms, 10_000),
    provider: spec.provider ?? "",
    region: spec.region ?? "",
    priority: spec.priority ?? "normal",
    max_budget: text(spec.max_budget),
    constraints: (spec.constraints ?? []).map(({ key, operator, values }) => ({ key, operator, values: values.join(", ") })),
    allow_retry: retries,
    max_attempts: retries ? text(retry?.max_attempts) : EMPTY.max_attempts,
    initial: retries ? text(retry?.initial_ms, 1000) : "",
    factor: retries ? text(retry?.factor, 2) : "",
    maximum: retries ? text(retry?.maximum_ms, 300_000) : "",
    jitter: retries ? text(retry?.jitter, 0.2) : "",
    exit_codes: (retry?.exit_codes ?? []).join(", "),
    signals: (retry?.signals ?? []).join(", "),
    reasons: (retry?.reasons ?? []).join(", "),
    on_worker_lost: spec.on_worker_lost ?? "retry",
    labels: variables(spec.labels),
    tags: (spec.tags ?? []).join(", "),
    drop_logs: spec.drop_logs ?? false,
  };
}

function variables(pairs: Record<string, string> | undefined): Variable[] {
  return Object.entries(pairs ?? {}).map(([name, value]) => ({ name, value }));
}

function kindOf({ command, script, image }: JobSpec): Pick<Draft, "kind" | "content" | "interpreter" | "strict"> {
  if (script) {
    const { interpreter = "bash", content, strict = true } = script;
    const kind = interpreter === "python" || interpreter === "node" ? interpreter : "script";
    return { kind, content, interpreter: kind === "script" ? interpreter : EMPTY.interpreter, strict };
  }
  const { interpreter, strict } = EMPTY;
  if (Array.isArray(command)) return { kind: image ? "exec" : "shell", content: quoteAll(command), interpreter, strict };
  return { kind: "shell", content: command ?? "", interpreter, strict };
}
