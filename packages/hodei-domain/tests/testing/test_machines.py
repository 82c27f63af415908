"""The state machines, run on the domain and on the fakes."""

from hodei_domain.testing.machines import JobMachine, LedgerMachine, LogMachine, WorkerMachine
from hypothesis import settings

TestJob = JobMachine.TestCase
TestJob.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)

TestWorker = WorkerMachine.TestCase
TestWorker.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)

TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)

TestLogs = LogMachine.TestCase
TestLogs.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
