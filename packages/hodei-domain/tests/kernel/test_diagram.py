from hodei_domain.jobs import state as job_state
from hodei_domain.workers import state as worker_state


def test_the_diagram_of_jobs_is_drawn_from_the_table() -> None:
    lines = job_state.diagram().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> PENDING"]
    assert "    RUNNING --> SUCCEEDED" in lines
    assert "    SUCCEEDED --> [*]" in lines
    arrows = sum(len(following) or 1 for following in job_state.LEGAL.values())
    assert len(lines) == 2 + arrows


def test_the_diagram_of_workers_is_drawn_from_the_table() -> None:
    drawn = worker_state.diagram()
    assert "    [*] --> CREATING\n" in drawn
    assert "    TERMINATED --> [*]\n" in drawn
    assert drawn == worker_state.diagram(), "the order never changes"
