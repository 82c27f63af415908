/** Resources of the REST service, by the names the pages use. schema.ts is made from its OpenAPI document. */
import type * as service from "./schema";

export type {
  Attempt,
  AuditRecord,
  Capabilities,
  ConnectionTest,
  Constraint,
  Durations as Times,
  ImageOffer as PulledImage,
  Job,
  JobSpec,
  JobSummary,
  LogPage,
  MetricsSummary,
  Phase,
  Progress,
  ProviderHealth,
  ProviderTypeInfo as ProviderType,
  Queue as QueueStatus,
  Resources,
  SchedulerSettings,
  SeriesLine as MetricsSeries,
  Session,
  Setting as ProviderSetting,
  System,
  UsageSample,
  Worker,
  WorkerLog,
} from "./schema";

export type JobState = service.Job["state"];
export const JOB_STATES: readonly JobState[] = ["PENDING", "SCHEDULED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"];
const ENDS: ReadonlySet<string> = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"]);
export const isOver = (state: JobState) => ENDS.has(state);

/** What is optional when it is sent is always there when it is read. */
export type PoolRules = Required<service.PoolRules>;
export type Pool = Required<Omit<service.Pool, "rules">> & { rules: PoolRules };
export type Provider = Omit<service.Provider, "pool" | "pools"> & { pool: PoolRules; pools: Pool[] };

export type LogBatch = Omit<service.LogBatch, "type">;
export type LogGap = Omit<service.LogGap, "type">;

/** What the stream of a job's output sends. */
export type LogFrame = service.LogBatch | service.LogGap | service.LogAttempt | service.LogEnd | { type: "alive" };
