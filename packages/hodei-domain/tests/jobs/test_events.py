import json

from hodei_domain.jobs.events import JobCreated, summary_of
from hodei_domain.jobs.job import Job
from hodei_domain.jobs.spec import JobSpec, Script, Shell
from hodei_domain.testing.making import T0, new_job_id
from hodei_domain.testing.strategies import specs
from hypothesis import given

SECRET = "correct horse battery staple"


def test_a_long_command_line_is_cut() -> None:
    assert summary_of(Shell("x" * 500)) == {"command": "x" * 500}
    assert summary_of(Shell("x" * 501)) == {"command": "x" * 499 + "…"}


def test_arguments_are_part_of_the_line() -> None:
    assert summary_of(Shell("printf", ("%s", "a b"))) == {"command": "printf %s a b"}


def test_of_a_script_only_interpreter_and_size_are_told() -> None:
    assert summary_of(Script("bash", "ñ")) == {"interpreter": "bash", "script_bytes": 2}


def test_no_secret_place_of_a_spec_reaches_an_event() -> None:
    spec = JobSpec(command=Script("bash", SECRET), environment={"TOKEN": SECRET}, stdin=SECRET)
    change = Job.submit(new_job_id(), spec, at=T0)
    assert SECRET not in json.dumps([event.payload() for event in change.events])
    assert SECRET not in repr(change)


@given(specs())
def test_payloads_are_ready_for_json(spec: JobSpec) -> None:
    [created] = Job.submit(new_job_id(), spec, at=T0).events
    assert isinstance(created, JobCreated)
    assert json.loads(json.dumps(created.payload())) == created.payload()
