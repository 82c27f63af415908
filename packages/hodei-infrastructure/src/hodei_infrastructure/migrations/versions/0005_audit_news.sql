-- In which transaction a record was written: what a reader has not seen yet is told by snapshots of these, not by
-- times, which are taken before the commit. Records from before have none and are no news to anybody. The default
-- gives it to those that servers of the release before write. Added without one first: no row is rewritten, and none
-- enters the index.
ALTER TABLE audit_logs ADD COLUMN IF NOT EXISTS written_in xid8;
ALTER TABLE audit_logs ALTER COLUMN written_in SET DEFAULT pg_current_xact_id();
CREATE INDEX IF NOT EXISTS audit_logs_written ON audit_logs (written_in) WHERE written_in IS NOT NULL;
