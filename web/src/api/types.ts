/** Resources of the REST service. */

export type JobState = "PENDING" | "SCHEDULED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED" | "TIMEOUT";
export const JOB_STATES: readonly JobState[] = ["PENDING", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"];
const ENDS: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"]);
export const isOver = (state: JobState) => ENDS.has(state);

export type Progress = { percentage: number | null; stage: string | null; message: string | null };

export type JobSummary = {
  id: string;
  name: string | null;
  state: JobState;
  attempt: number;
  exit_code: number | null;
  signal: number | string | null;
  reason: string | null;
  queued_by: string | null;
  image: string | null;
  provider: string | null;
  worker_id: string | null;
  labels: Record<string, string>;
  priority: string;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  duration_ms: number | null;
  progress: Progress | null;
  cancel_requested: boolean;
  held: boolean;
  tags: string[];
};

export type Attempt = {
  number: number;
  state: string;
  worker_id: string | null;
  provider: string | null;
  assigned_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  exit_code: number | null;
  signal: number | string | null;
  reason: string | null;
  message: string | null;
  limits: string;
  cpu_seconds: number | null;
  peak_memory_mib: number | null;
};

export type Constraint = { key: string; operator: "Eq" | "Ne" | "Gt" | "Lt" | "In" | "NotIn"; values: string[] };

export type JobSpec = {
  name?: string;
  description?: string;
  command?: string | string[] | null;
  script?: { interpreter: string; content: string; strict?: boolean } | null;
  env?: Record<string, string>;
  image?: string | null;
  pull?: "missing" | "always" | "never";
  timeout_ms?: number | null;
  timeouts?: {
    queue_ms?: number | null;
    execution_ms?: number | null;
    no_output_ms?: number | null;
    total_ms?: number | null;
    grace_ms?: number | null;
  };
  resources?: {
    cpu_cores?: number | null;
    memory_mib?: number | null;
    storage_mib?: number | null;
    gpu?: boolean | number | null;
    architecture?: string | null;
  };
  constraints?: Constraint[];
  provider?: string | null;
  region?: string | null;
  priority?: "low" | "normal" | "high" | "critical";
  max_budget?: number | null;
  allow_retry?: boolean;
  retry?: {
    max_attempts?: number;
    initial_ms?: number;
    factor?: number;
    maximum_ms?: number;
    jitter?: number;
    exit_codes?: number[];
    signals?: number[];
    reasons?: string[];
  };
  on_worker_lost?: "retry" | "fail" | "hold";
  labels?: Record<string, string>;
  tags?: string[];
  working_dir?: string | null;
  stdin?: string | null;
  drop_logs?: boolean;
};

export type Job = JobSummary & {
  spec: JobSpec;
  message: string | null;
  correlation_id: string | null;
  rerun_of: string | null;
  attempts: Attempt[];
  pending_reasons: { provider: string | null; reason: string }[];
};

/** `sequence` counts the lines of an attempt over both streams from 1; a gap counts as one. */
export type LogLine = {
  sequence: number;
  stream?: "stdout" | "stderr";
  time: string;
  text?: string;
  /** The line goes on in the stream's next entry. */
  partial?: boolean;
  /** Hodei wrote it, not the job. */
  platform?: boolean;
  gap?: { bytes: number; why: string };
};

export type LogPage = {
  attempt: number;
  lines: LogLine[];
  first: number;
  next_after: number;
  last_sequence: number;
  has_more: boolean;
  ended: boolean;
};

/** Lines as a stream carries them: columns, because they may be a hundred thousand a second. */
export type LogBatch = {
  attempt: number;
  first: number;
  base_time: number;
  times: number[];
  stderr: number[];
  partial?: number[];
  platform?: number[];
  lines: string[];
};

export type LogGap = { attempt: number; sequence: number; bytes: number; why: string };

export type LogFrame =
  | ({ type: "lines" } & LogBatch)
  | ({ type: "gap" } & LogGap)
  | { type: "attempt"; attempt: number }
  | { type: "end"; state: JobState }
  | { type: "alive" };

export type Phase = {
  phase: "queued" | "provisioning" | "image" | "starting" | "running" | "cleanup";
  attempt: number;
  started_at: string;
  ended_at: string | null;
  duration_ms: number | null;
  detail: string;
  failed: boolean;
};

export type UsageSample = {
  time: string;
  cpu_cores: number | null;
  memory_bytes: number | null;
  disk_read_bytes: number | null;
  disk_write_bytes: number | null;
  net_rx_bytes: number | null;
  net_tx_bytes: number | null;
};

export type Resources = {
  cpu_cores?: number | null;
  memory_mib?: number | null;
  storage_mib?: number | null;
  gpu?: number | null;
  architecture?: string | null;
};

/** What holds for the workers of a pool; null is what the wider rules say. */
export type PoolRules = {
  max_workers: number | null;
  min_idle: number | null;
  idle_ttl_ms: number | null;
  max_lifetime_ms: number | null;
  max_jobs: number | null;
  drain_within_ms: number | null;
};

export type Pool = { image: string; resources: Resources; rules: PoolRules };

export type ProviderHealth = { status: string; healthy: boolean; reason: string; checked_at: string | null };

/** The most for one job, and what kinds; 0 and empty lists are without limit. */
export type Capabilities = {
  max_resources: Resources;
  gpu: boolean;
  gpu_types: string[];
  architectures: string[];
  images: boolean;
  regions: string[];
  labels: Record<string, string>;
  max_execution_ms: number | null;
};

export type Provider = {
  id: string;
  name: string;
  type: string;
  enabled: boolean;
  status: string;
  health: ProviderHealth;
  capabilities: Capabilities;
  config: Record<string, unknown>;
  host: string;
  priority: number;
  max_workers: number;
  workers: { total: number; idle: number; busy: number; starting: number; going: number };
  pool: PoolRules;
  pools: Pool[];
  tags: string[];
  metadata: Record<string, string>;
  labels: Record<string, string>;
  region: string;
  created_at: string;
  updated_at: string;
};

export type ProviderSetting = {
  name: string;
  label: string;
  kind: "text" | "number" | "list" | "labels";
  default: string | number | null;
  help: string;
};

export type ProviderType = { type: string; label: string; available: boolean; settings: ProviderSetting[] };

/** What a provider said that was asked and not saved. */
export type ConnectionTest = {
  healthy: boolean;
  message: string;
  details: Record<string, string>;
  capabilities: Capabilities | null;
};

export type PulledImage = { provider: string; image: string };

export type Worker = {
  id: string;
  name: string;
  state: string;
  provider: string;
  hostname: string;
  architecture: string;
  agent_version: string;
  image: string;
  job_id: string | null;
  attempt: number | null;
  jobs_done: number;
  max_jobs: number | null;
  connected: boolean;
  cpu_cores: number;
  memory_mib: number;
  usage: { cpu_percent: number; memory_bytes: number; disk_bytes: number; gpu: number } | null;
  labels: Record<string, string>;
  created_at: string;
  registered_at: string | null;
  last_heartbeat: string | null;
  idle_since: string | null;
  drain_by: string | null;
  expires_at: string | null;
  ended_at: string | null;
  reason: string;
};

export type WorkerLog = { lines: string[]; truncated: boolean };

export type QueueStatus = {
  by_state: Partial<Record<JobState, number>>;
  oldest_pending_at: string | null;
  classes: { image: string; resources: Resources; provider: string; region: string; constraints: string[]; depth: number; oldest_at: string }[];
};

export type SchedulerSettings = {
  worker_strategy: string;
  provider_strategy: string;
  min_idle: number;
  max_jobs: number;
  idle_ttl_ms: number;
  max_lifetime_ms: number;
};

export type AuditRecord = {
  id: string;
  occurred_at: string;
  event_type: string;
  actor: string | null;
  correlation_id: string;
  caller_correlation_id: string | null;
  payload: Record<string, unknown>;
};

export type System = {
  version: string;
  database: { ok: boolean; latency_ms: number | null; version: string; reason: string };
  leader: string;
  replicas: number;
  uptime_ms: number;
  dev_mode: boolean;
};

export type Times = { count: number; mean: number | null; p50: number | null; p95: number | null; p99: number | null };

/** A time at a glance; durations in milliseconds. */
export type MetricsSummary = {
  since: string;
  until: string;
  /** Those that ended within it, by their end; the others as they are now. */
  jobs_by_state: Partial<Record<JobState, number>>;
  submitted: number;
  finished: number;
  /** 0 to 1, of those that ended without being cancelled. */
  success_rate: number | null;
  throughput_per_minute: number;
  queue_ms: Times;
  start_ms: Times;
  run_ms: Times;
  total_ms: Times;
  providers: { provider: string; cpu_cores: number; memory_bytes: number; busy_workers: number; finished: number }[];
};

/** One line of a graph; each point is the beginning of a step (epoch ms) and the value there. */
export type MetricsSeries = { labels: Record<string, string>; points: [number, number][] };
