"""Traces of jobs by OpenTelemetry. Imported only where somebody has asked for them."""
