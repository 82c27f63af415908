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

export type Provider = {
  id: string;
  name: string;
  type: string;
  enabled: boolean;
  status: string;
  health: { status: string; reason: string | null; checked_at: string | null };
  capabilities: Record<string, unknown>;
  config: Record<string, unknown>;
  max_workers: number | null;
  workers: { total: number; idle: number; busy: number; starting: number };
  pool: Record<string, unknown> | null;
  pools: Record<string, unknown>[];
  cost: unknown;
  labels: Record<string, string>;
  region: string | null;
  created_at: string;
  updated_at: string;
};

export type PulledImage = { provider: string; image: string };

export type Worker = {
  id: string;
  name: string | null;
  state: string;
  provider: string | null;
  hostname: string | null;
  architecture: string | null;
  image: string | null;
  job_id: string | null;
  jobs_done: number;
  max_jobs: number | null;
  connected: boolean;
  cpu_cores: number | null;
  memory_mib: number | null;
  usage: { cpu_percent: number | null; memory_bytes: number | null } | null;
  labels: Record<string, string>;
  created_at: string;
  last_heartbeat: string | null;
  idle_since: string | null;
  drain_by: string | null;
  reason: string | null;
};

export type QueueStatus = {
  by_state: Partial<Record<JobState, number>>;
  oldest_pending_at: string | null;
  classes: { image: string | null; depth: number; oldest_at: string | null }[];
};

export type AuditRecord = {
  id: string | number;
  occurred_at: string;
  event_type: string;
  actor: string | null;
  correlation_id: string | null;
  payload: Record<string, unknown>;
};

export type System = {
  version: string;
  database: { ok: boolean; latency_ms: number | null; version: string | null };
  replicas: unknown;
  leader: unknown;
  providers: unknown[];
  workers: Record<string, number>;
  oldest_pending_at: string | null;
  uptime_ms: number;
  dev_mode: boolean;
};
