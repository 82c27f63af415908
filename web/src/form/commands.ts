/** The same job as a command for a shell. */
import type { JobSpec } from "@/api/types";
import { quote, quoteAll } from "./shell";
import { spanText } from "./spans";

/** `hodei job queue …` */
export function asCli(spec: JobSpec): string {
  const words: string[] = [];
  const option = (name: string, value: string | number | null | undefined) => {
    if (value !== undefined && value !== null && value !== "" && value !== 0) words.push(`--${name} ${quote(String(value))}`);
  };
  const clock = (name: string, ms: number | null | undefined) => option(name, ms ? spanText(ms) : undefined);
  option("name", spec.name);
  option("description", spec.description);
  option("image", spec.image);
  option("pull", spec.pull === "missing" ? "" : spec.pull);
  option("user", spec.user);
  option("entrypoint", spec.entrypoint);
  for (const [name, value] of Object.entries(spec.env ?? {})) words.push(`-e ${quote(`${name}=${value}`)}`);
  option("workdir", spec.working_dir);
  clock("timeout", spec.timeout_ms);
  clock("queue-timeout", spec.timeouts?.queue_ms);
  clock("silence-timeout", spec.timeouts?.no_output_ms);
  clock("total-timeout", spec.timeouts?.total_ms);
  clock("grace", spec.timeouts?.grace_ms);
  option("retry", (spec.retry?.max_attempts ?? 1) - 1);
  option("on-worker-lost", spec.on_worker_lost);
  option("priority", spec.priority);
  option("cpu", spec.resources?.cpu_cores);
  option("memory", spec.resources?.memory_mib ? `${spec.resources.memory_mib}Mi` : "");
  option("disk", spec.resources?.storage_mib ? `${spec.resources.storage_mib}Mi` : "");
  option("gpu", Number(spec.resources?.gpu ?? 0));
  option("arch", spec.resources?.architecture);
  option("provider", spec.provider);
  option("region", spec.region);
  for (const { key, operator, values } of spec.constraints ?? []) if (operator === "Eq") option("require", `${key}=${values[0] ?? ""}`);
  for (const [name, value] of Object.entries(spec.labels ?? {})) option("label", `${name}=${value}`);
  for (const tag of spec.tags ?? []) option("tag", tag);
  if (spec.drop_logs) words.push("--drop-logs");
  const stdin = spec.stdin ? "--stdin" : "";
  if (stdin) words.push(stdin);
  return commandLine(words, spec);
}

function commandLine(words: string[], { command, script, stdin }: JobSpec): string {
  const before = stdin ? `printf %s ${quote(stdin)} | ` : "";
  const line = (...last: string[]) => `${before}${["hodei job queue", ...words, ...last].join(" \\\n  ")}`;
  if (!script) return Array.isArray(command) ? line(`-- ${quoteAll(command)}`) : line(`--shell ${quote(command ?? "")}`);
  const { interpreter = "bash", content, strict = true } = script;
  const options = [`--interpreter ${quote(interpreter)}`, ...(strict ? [] : ["--lenient"])];
  // standard input is taken by the job's own text: the script comes from a file then
  if (stdin) return `cat > job.script <<'${ending(content)}'\n${ended(content)}${ending(content)}\n${line(...options, "--script job.script")}`;
  return `${line(...options, "--script -")} <<'${ending(content)}'\n${ended(content)}${ending(content)}`;
}

const ended = (text: string) => (text.endsWith("\n") ? text : `${text}\n`);

/** A line that ends a here-document and is not in the text. */
function ending(text: string): string {
  const lines = new Set(text.split("\n"));
  let word = "END";
  for (let n = 1; lines.has(word); n += 1) word = `END${n}`;
  return word;
}

/** What the command line cannot say; empty when it says all. */
export function cliCannot(spec: JobSpec): string[] {
  const { max_attempts: _, ...rules } = spec.retry ?? {};
  return [
    ...(Object.keys(rules).length > 0 ? ["retry"] : []),
    ...((spec.constraints ?? []).some(({ operator }) => operator !== "Eq") ? ["constraints"] : []),
    ...(spec.max_budget == null ? [] : ["max_budget"]),
  ];
}

/** `curl …` against this server. */
export function asCurl(spec: JobSpec, origin: string, token: boolean): string {
  return [
    `curl -sS -X POST ${quote(`${origin}/api/v1/jobs`)}`,
    `-H ${quote("Content-Type: application/json")}`,
    ...(token ? [`-H "Authorization: Bearer $HODEI_TOKEN"`] : []),
    `--data-binary ${quote(JSON.stringify({ spec }, null, 2))}`,
  ].join(" \\\n  ");
}

const span = (ms: number | null | undefined) => (ms ? `${ms / 1000}s` : undefined);
const LOST = { retry: undefined, fail: "WORKER_LOST_POLICY_FAIL", hold: "WORKER_LOST_POLICY_HOLD" };
const PULL = { missing: undefined, always: "IMAGE_PULL_POLICY_ALWAYS", never: "IMAGE_PULL_POLICY_NEVER" };

/** `grpcurl …`. The gRPC address is another one than this page's: commands of ours read it from HODEI_SERVER, too. */
export function asGrpcurl(spec: JobSpec, token: boolean): string {
  const { command, script, resources = {}, timeouts = {}, retry } = spec;
  const mib = (count: number | null | undefined) => (count ? count * 1024 * 1024 : undefined);
  const definition = {
    name: spec.name,
    description: spec.description,
    ...(Array.isArray(command) ? direct(command) : { command: command ?? undefined }),
    script: script ? { interpreter: script.interpreter, content: script.content, ...(script.strict === false ? { not_strict: true } : {}) } : undefined,
    environment: spec.env,
    image: spec.image || undefined,
    pull: PULL[spec.pull ?? "missing"],
    user: spec.user || undefined,
    entrypoint: spec.entrypoint || undefined,
    requirements: dense({
      cpu_cores: resources.cpu_cores || undefined,
      memory_bytes: mib(resources.memory_mib),
      disk_bytes: mib(resources.storage_mib),
      gpu_count: Number(resources.gpu ?? 0) || undefined,
    }),
    architecture: resources.architecture || undefined,
    scheduling: spec.priority ? { priority: `PRIORITY_${spec.priority.toUpperCase()}` } : undefined,
    timeout: dense({
      execution_timeout: span(spec.timeout_ms),
      cleanup_timeout: span(timeouts.grace_ms),
      queue_timeout: span(timeouts.queue_ms),
      no_output_timeout: span(timeouts.no_output_ms),
      total_timeout: span(timeouts.total_ms),
    }),
    retry: retry
      ? dense({
          max_attempts: retry.max_attempts,
          initial_backoff: span(retry.initial_ms),
          max_backoff: span(retry.maximum_ms),
          on_exit_codes: retry.exit_codes,
          on_signals: retry.signals,
          on_reasons: retry.reasons,
        })
      : undefined,
    on_worker_lost: LOST[spec.on_worker_lost ?? "retry"],
    provider: spec.provider || undefined,
    region: spec.region || undefined,
    constraints: spec.constraints,
    labels: spec.labels,
    tags: spec.tags,
    max_budget: spec.max_budget ?? undefined,
    working_dir: spec.working_dir || undefined,
    stdin: spec.stdin ?? undefined,
    drop_logs: spec.drop_logs,
  };
  const body = JSON.stringify({ job_definition: dense(definition) }, null, 2);
  return [
    "grpcurl -plaintext",
    ...(token ? [`-H "authorization: Bearer $HODEI_TOKEN"`] : []),
    `-d ${quote(body)}`,
    '"${HODEI_SERVER:-127.0.0.1:50051}" hodei.JobExecutionService/QueueJob',
  ].join(" \\\n  ");
}

/** A program without arguments would be a line for the shell: quoted, it stays that program. */
function direct(words: readonly string[]): { command: string; arguments?: string[] } {
  const [program = "", ...args] = words;
  return args.length > 0 ? { command: program, arguments: args } : { command: quote(program) };
}

function dense<T extends object>(fields: T): Partial<T> | undefined {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : (Object.fromEntries(kept) as Partial<T>);
}
