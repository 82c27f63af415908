"""Use cases about jobs: submit, cancel, watch, and what workers report about attempts."""
