"""Logs: the output of attempts, as gap-free sequences of bytes in order of arrival."""
