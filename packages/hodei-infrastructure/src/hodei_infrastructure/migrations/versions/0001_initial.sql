-- The rooms of storage. Small tables that turn over (job_queue, job_leases) stand apart from those that grow
-- (jobs, job_specs, job_attempts, audit_logs, job_log_chunks). An index on a column that changes with each move
-- would forbid heap-only updates, so there is none: what changes and has to be found has a table of its own.

-- One row per job, written on each move. Half of each page is left free, so that the new version of a row finds
-- room beside the old one. Even a partial index on `state` would count as changed by each move, hence `ended_as`.
CREATE TABLE jobs (
    id uuid NOT NULL,
    state text NOT NULL,
    version integer NOT NULL,
    attempt integer NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    queued_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    ended_as text GENERATED ALWAYS AS (CASE WHEN completed_at IS NOT NULL THEN state END) STORED,
    not_before timestamptz,
    deadline_at timestamptz,
    deadline_clock text,
    name text NOT NULL,
    queued_by text NOT NULL,
    priority smallint NOT NULL,
    turn bigint NOT NULL,
    failures integer NOT NULL,
    losses integer NOT NULL,
    held boolean NOT NULL,
    correlation_id text,
    idempotency_key text,
    fingerprint text NOT NULL,
    rerun_of uuid,
    result json,
    current_attempt json,
    cancel_wish json,
    progress json,
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_state CHECK (state IN
        ('PENDING', 'SCHEDULED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'TIMEOUT')),
    CONSTRAINT jobs_ended_completed CHECK (
        (state IN ('CANCELLED', 'FAILED', 'SUCCEEDED', 'TIMEOUT')) = (completed_at IS NOT NULL)),
    CONSTRAINT jobs_ended_result CHECK ((completed_at IS NOT NULL) = (result IS NOT NULL)),
    CONSTRAINT jobs_active_attempt CHECK (NOT state IN ('RUNNING', 'SCHEDULED') OR attempt >= 1),
    CONSTRAINT jobs_running_started CHECK (state <> 'RUNNING' OR started_at IS NOT NULL),
    CONSTRAINT jobs_held_pending CHECK (NOT held OR state = 'PENDING'),
    CONSTRAINT jobs_attempt_known CHECK ((attempt = 0) = (current_attempt IS NULL)),
    CONSTRAINT jobs_deadline CHECK ((deadline_at IS NULL) = (deadline_clock IS NULL)),
    CONSTRAINT jobs_over_no_deadline CHECK (completed_at IS NULL OR deadline_at IS NULL),
    CONSTRAINT jobs_priority CHECK (priority BETWEEN 0 AND 3),
    CONSTRAINT jobs_numbers CHECK (version >= 1 AND attempt >= 0 AND failures >= 0 AND losses >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE UNIQUE INDEX jobs_idempotency_key ON jobs (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_live ON jobs (created_at DESC, id DESC) WHERE completed_at IS NULL;
CREATE INDEX jobs_ended ON jobs (ended_as, created_at DESC, id DESC) WHERE ended_as IS NOT NULL;
CREATE INDEX jobs_owner ON jobs (queued_by, created_at DESC, id DESC) WHERE queued_by <> '';
CREATE INDEX jobs_deadline ON jobs (deadline_at) WHERE deadline_at IS NOT NULL;

-- An end absorbs. The store's own check is the version; this one holds for every other way to the table. The
-- condition is looked at before anything is called: a move costs next to nothing more.
CREATE FUNCTION hodei_refuse_change_of_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'job % has ended % and cannot become %', OLD.id, OLD.state, NEW.state
        USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER jobs_end_absorbs BEFORE UPDATE ON jobs FOR EACH ROW
    WHEN (OLD.completed_at IS NOT NULL AND NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION hodei_refuse_change_of_end();

-- What a job is to do, apart from its moves: it is written once and may be long (scripts, stdin). Written as
-- text, not taken apart: only this program reads it, and gets the same bytes back.
CREATE TABLE job_specs (
    job_id uuid NOT NULL,
    spec json NOT NULL,
    CONSTRAINT job_specs_pkey PRIMARY KEY (job_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- The jobs that may be claimed: PENDING and not held. A row with not_before waits for its time; it is outside the
-- index of claims, so that many retries in backoff do not slow them down.
CREATE TABLE job_queue (
    job_id uuid NOT NULL,
    demand_class text NOT NULL,
    priority smallint NOT NULL,
    turn bigint NOT NULL,
    queued_by text NOT NULL,
    queued_at timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    not_before timestamptz,
    CONSTRAINT job_queue_pkey PRIMARY KEY (job_id),
    CONSTRAINT job_queue_job FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE,
    CONSTRAINT job_queue_priority CHECK (priority BETWEEN 0 AND 3)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE INDEX job_queue_claim ON job_queue (demand_class, priority DESC, turn, job_id) WHERE not_before IS NULL;
CREATE INDEX job_queue_oldest ON job_queue (demand_class, queued_at) WHERE not_before IS NULL;
CREATE INDEX job_queue_owner ON job_queue (queued_by, priority, turn);
CREATE INDEX job_queue_turn ON job_queue (priority, turn);
CREATE INDEX job_queue_due ON job_queue (not_before) WHERE not_before IS NOT NULL;

-- Demand classes that were met, under a rising serial.
CREATE TABLE demand_classes (
    key text NOT NULL,
    serial bigint GENERATED ALWAYS AS IDENTITY,
    demand json NOT NULL,
    met_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT demand_classes_pkey PRIMARY KEY (key),
    CONSTRAINT demand_classes_serial UNIQUE (serial)
);

-- The attempts under way, each with its lease by this database's clock. The keys say: one live attempt per job,
-- one per worker.
CREATE TABLE job_leases (
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    worker_id uuid NOT NULL,
    lease_expires_at timestamptz NOT NULL,
    CONSTRAINT job_leases_pkey PRIMARY KEY (job_id),
    CONSTRAINT job_leases_worker UNIQUE (worker_id),
    CONSTRAINT job_leases_job FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE,
    CONSTRAINT job_leases_attempt CHECK (attempt >= 1)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- The attempts that ended, written once at their end.
CREATE TABLE job_attempts (
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    worker_id uuid NOT NULL,
    assigned_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz NOT NULL,
    exit_code integer,
    reason text NOT NULL,
    document json NOT NULL,
    CONSTRAINT job_attempts_pkey PRIMARY KEY (job_id, attempt),
    CONSTRAINT job_attempts_number CHECK (attempt >= 1)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- Deleting a worker's row by hand is allowed: nothing refers to it, and its secrets go with it.
CREATE TABLE workers (
    id uuid NOT NULL,
    state text NOT NULL,
    provider_id uuid,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    registered_at timestamptz,
    last_heartbeat timestamptz,
    idle_since timestamptz,
    expires_at timestamptz,
    register_by timestamptz,
    drain_by timestamptz,
    ended_at timestamptz,
    connected boolean NOT NULL,
    job_id uuid,
    attempt integer,
    jobs_done integer NOT NULL,
    name text NOT NULL,
    hostname text NOT NULL,
    architecture text NOT NULL,
    agent_version text NOT NULL,
    reason text NOT NULL,
    cpu_cores double precision NOT NULL,
    memory_mib bigint NOT NULL,
    disk_mib bigint NOT NULL,
    gpu integer NOT NULL,
    labels jsonb NOT NULL,
    demand json NOT NULL,
    CONSTRAINT workers_pkey PRIMARY KEY (id),
    CONSTRAINT workers_state CHECK (state IN
        ('CREATING', 'CONNECTING', 'READY', 'BUSY', 'DRAINING', 'TERMINATING', 'TERMINATED')),
    CONSTRAINT workers_ended CHECK ((state = 'TERMINATED') = (ended_at IS NOT NULL)),
    CONSTRAINT workers_busy_job CHECK (state <> 'BUSY' OR job_id IS NOT NULL),
    CONSTRAINT workers_ready_free CHECK (state <> 'READY' OR job_id IS NULL),
    CONSTRAINT workers_job_attempt CHECK ((job_id IS NULL) = (attempt IS NULL)),
    CONSTRAINT workers_connected_registered CHECK (NOT connected OR registered_at IS NOT NULL),
    CONSTRAINT workers_numbers CHECK (version >= 1 AND jobs_done >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX workers_age ON workers (created_at DESC, id DESC);
CREATE INDEX workers_live ON workers (created_at, id) WHERE ended_at IS NULL;

-- Digests only; the passwords are nowhere.
CREATE TABLE worker_otps (
    worker_id uuid NOT NULL,
    provider_id uuid,
    digest bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT worker_otps_pkey PRIMARY KEY (worker_id),
    CONSTRAINT worker_otps_digest CHECK (octet_length(digest) = 32)
);

CREATE TABLE worker_sessions (
    worker_id uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT worker_sessions_pkey PRIMARY KEY (worker_id),
    CONSTRAINT worker_sessions_digest CHECK (octet_length(digest) = 32)
);

CREATE FUNCTION hodei_forget_worker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM worker_otps WHERE worker_id = OLD.id;
    DELETE FROM worker_sessions WHERE worker_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER workers_forgotten AFTER DELETE ON workers FOR EACH ROW EXECUTE FUNCTION hodei_forget_worker();

CREATE TABLE providers (
    id uuid NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    status text NOT NULL,
    enabled boolean NOT NULL,
    priority integer NOT NULL,
    max_workers integer NOT NULL,
    failures integer NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    checked_at timestamptz,
    health_message text NOT NULL,
    capabilities jsonb NOT NULL,
    tags jsonb NOT NULL,
    metadata jsonb NOT NULL,
    config jsonb NOT NULL,
    CONSTRAINT providers_pkey PRIMARY KEY (id),
    CONSTRAINT providers_name UNIQUE (name),
    CONSTRAINT providers_type CHECK (type IN
        ('DOCKER', 'KUBERNETES', 'FARGATE', 'CLOUD_RUN', 'CONTAINER_APPS', 'LAMBDA', 'CLOUD_FUNCTIONS',
         'AZURE_FUNCTIONS', 'EC2', 'COMPUTE_ENGINE', 'AZURE_VMS', 'TEST', 'BARE_METAL', 'CUSTOM')),
    CONSTRAINT providers_status CHECK (status IN
        ('ACTIVE', 'MAINTENANCE', 'DISABLED', 'OVERLOADED', 'UNHEALTHY', 'DEGRADED')),
    CONSTRAINT providers_numbers CHECK (version >= 1 AND max_workers >= 0 AND failures >= 0)
);

-- The bytes as they came, both streams in order of arrival; `runs` tells which bytes are whose. The key refuses
-- an entry twice.
CREATE TABLE job_log_chunks (
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    first_sequence bigint NOT NULL,
    lines integer NOT NULL,
    first_offset bigint NOT NULL,
    nbytes integer NOT NULL,
    base_time_us bigint NOT NULL,
    gap_bytes bigint NOT NULL,
    runs bytea NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT job_log_chunks_pkey PRIMARY KEY (job_id, attempt, first_sequence),
    CONSTRAINT job_log_chunks_numbers CHECK (
        attempt >= 1 AND first_sequence >= 0 AND lines >= 1 AND first_offset >= 0 AND gap_bytes >= 0
        AND nbytes = octet_length(data))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX job_log_chunks_age ON job_log_chunks (base_time_us);

-- Where the output of an attempt ended whose chunks the retention took.
CREATE TABLE job_log_ends (
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    next_sequence bigint NOT NULL,
    next_offset bigint NOT NULL,
    CONSTRAINT job_log_ends_pkey PRIMARY KEY (job_id, attempt)
);

-- Every event, written once. The key is also the order in time.
CREATE TABLE audit_logs (
    occurred_at timestamptz NOT NULL,
    event_type text NOT NULL,
    actor text,
    correlation_id text NOT NULL,
    payload jsonb NOT NULL,
    caller_correlation_id text,
    id uuid NOT NULL,
    CONSTRAINT audit_logs_pkey PRIMARY KEY (occurred_at, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX audit_logs_correlation ON audit_logs (correlation_id);
CREATE INDEX audit_logs_caller ON audit_logs (caller_correlation_id) WHERE caller_correlation_id IS NOT NULL;
-- The events of each job's life are found by time quickly enough; the others would be needles in that haystack.
CREATE INDEX audit_logs_rare ON audit_logs (event_type, occurred_at)
    WHERE event_type NOT IN ('JobCreated', 'JobAssigned', 'JobStatusChanged');

-- Output and scripts compress well: with lz4 storing them takes even less time than uncompressed, with Postgres'
-- own method 0.7 µs a line more. Not every build has lz4.
DO $$
BEGIN
    ALTER TABLE job_log_chunks ALTER COLUMN data SET COMPRESSION lz4;
    ALTER TABLE job_specs ALTER COLUMN spec SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;

CREATE TABLE leader_leases (
    name text NOT NULL,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT leader_leases_pkey PRIMARY KEY (name)
) WITH (fillfactor = 50);

CREATE TABLE settings (
    name text NOT NULL,
    document jsonb NOT NULL,
    CONSTRAINT settings_pkey PRIMARY KEY (name)
);
