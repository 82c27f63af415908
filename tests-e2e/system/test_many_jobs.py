"""Three hundred jobs at once: each runs once, on no more workers than allowed, and nothing is left."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hodei_grpc.methods import JobExecutionService, SchedulerService
from hodei_proto.wire import hodei

JOBS, CLIENTS, MAX_WORKERS = 300, 10, 4
PATIENCE = 240


@pytest.mark.e2e
def test_three_hundred_jobs_from_ten_clients_each_run_exactly_once(platform: Any, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    ids = [str(uuid.uuid4()) for _ in range(JOBS)]
    start = threading.Barrier(CLIENTS)
    most_workers = 0
    done = threading.Event()

    def submit(share: list[str]) -> None:
        with platform.client() as client:
            start.wait(60)
            for job in share:
                definition = hodei.JobDefinition(
                    job_id=hodei.JobId(value=job),
                    name=f"job {job}",
                    command=f'echo "$HODEI_JOB_ID $HODEI_ATTEMPT" | tee -a {ran}',
                )
                request = hodei.QueueJobRequest(job_definition=definition, queued_by=share[0])
                # a client that is not sure asks again with the same id
                answers = [client.call(JobExecutionService.queue_job, request, timeout=30) for _ in range(2)]
                assert [each.duplicate for each in answers] == [False, True]

    def count_workers() -> None:
        nonlocal most_workers
        query = "SELECT count(*) FROM workers WHERE state NOT IN ('TERMINATED')"
        while not done.wait(0.1):
            most_workers = max(most_workers, platform.sql(query)[0][0])

    watcher = threading.Thread(target=count_workers)
    watcher.start()
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(submit, [ids[i::CLIENTS] for i in range(CLIENTS)]))
        ends = Counter(platform.wait(job, PATIENCE).state for job in ids)
    finally:
        done.set()
        watcher.join(60)

    assert ends == {"SUCCEEDED": JOBS}
    lines = ran.read_text().splitlines()
    assert Counter(line.split()[0] for line in lines) == Counter(ids)
    assert {line.split()[1] for line in lines} == {"1"}
    assert 1 <= most_workers <= MAX_WORKERS
    assert platform.sql("SELECT count(*) FROM job_queue") == [(0,)]
    assert platform.sql("SELECT count(*) FROM job_attempts WHERE ended_at IS NULL") == [(0,)]
    for job in ids[::50]:
        assert platform.output(job) == f"{job} 1\n".encode()
    with platform.client() as client:
        request = hodei.GetQueueStatusRequest(scheduler_name="default")
        status = client.call(SchedulerService.get_queue_status, request, timeout=10).status
    assert status is not None
    assert (status.pending_jobs, status.running_jobs, status.completed_jobs) == (0, 0, JOBS)


@pytest.mark.e2e
def test_an_owner_with_a_long_queue_does_not_hold_back_another(platform: Any, tmp_path: Path) -> None:
    order = tmp_path / "order"

    def definition(name: str) -> hodei.JobDefinition:
        return hodei.JobDefinition(command=f"echo {name} >> {order}", name=name)

    crowd = [
        hodei.QueueJobRequest(job_definition=definition(f"crowd{n}"), queued_by="crowd") for n in range(60)
    ]
    with platform.client() as client:
        answers = client.call(
            JobExecutionService.queue_jobs, hodei.QueueJobsRequest(requests=crowd), timeout=30
        )
        single = hodei.QueueJobRequest(job_definition=definition("single"), queued_by="someone else")
        last = client.call(JobExecutionService.queue_job, single, timeout=30)
    assert last.job_id is not None
    platform.wait(last.job_id.value)
    for each in answers.responses:
        assert each.job_id is not None
        platform.wait(each.job_id.value)
    assert order.read_text().split().index("single") < 45
