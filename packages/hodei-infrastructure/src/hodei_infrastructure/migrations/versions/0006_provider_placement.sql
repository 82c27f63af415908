-- Where a provider is, what its workers cost, and what keeps it out of use. Servers of the release before leave it as it is.
ALTER TABLE providers ADD COLUMN IF NOT EXISTS placement jsonb NOT NULL DEFAULT '{}';
