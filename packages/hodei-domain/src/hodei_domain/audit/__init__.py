"""The audit trail: every event, kept for as long as the retention says."""
