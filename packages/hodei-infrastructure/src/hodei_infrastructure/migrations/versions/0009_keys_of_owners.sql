-- An idempotency key belongs to its owner: two owners with the same key do not meet.
CREATE UNIQUE INDEX IF NOT EXISTS jobs_key ON jobs (queued_by, idempotency_key) WHERE idempotency_key IS NOT NULL;
DROP INDEX IF EXISTS jobs_idempotency_key;
