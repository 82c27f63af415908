-- Rules for the pools of workers of a provider. The default lets servers of the release before register providers.
ALTER TABLE providers ADD COLUMN IF NOT EXISTS pools jsonb NOT NULL DEFAULT '{}';
