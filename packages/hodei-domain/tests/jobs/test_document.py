import json

import pytest
from attrs import evolve
from hodei_domain.jobs.demand import demand_of
from hodei_domain.jobs.document import spec_from_json, spec_to_json
from hodei_domain.jobs.fingerprint import fingerprint_of
from hodei_domain.jobs.spec import JobSpec, Priority, PullPolicy, Script, Shell
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.testing.strategies import specs
from hypothesis import given


@given(specs())
def test_a_spec_goes_through_json(spec: JobSpec) -> None:
    again = spec_from_json(json.loads(json.dumps(spec_to_json(spec))))
    assert again == spec
    assert fingerprint_of(again) == fingerprint_of(spec)
    assert demand_of(again).key == demand_of(spec).key


def test_a_document_of_an_older_release_may_lack_fields() -> None:
    assert spec_from_json({"command": {"shell": "true"}}) == JobSpec(command=Shell("true"))
    script = spec_from_json(
        {"command": {"interpreter": "bash", "script": "ls"}, "retry": {"max_attempts": 2}}
    )
    assert script.command == Script("bash", "ls")
    assert script.retry.max_attempts == 2


def test_the_default_pull_policy_leaves_documents_as_they_were() -> None:
    spec = JobSpec(command=Shell("true"), image="alpine")
    assert "pull" not in spec_to_json(spec)
    anew = evolve(spec, pull=PullPolicy.ALWAYS)
    assert spec_from_json(spec_to_json(anew)) == anew


def test_an_unknown_pull_policy_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="pull: 'SELDOM' is none of"):
        spec_from_json({"command": {"shell": "true"}, "pull": "SELDOM"})


def test_whatever_is_said_differently_has_another_fingerprint() -> None:
    spec = JobSpec(command=Shell("true"))
    others = [
        JobSpec(command=Shell("true", ("x",))),
        JobSpec(command=Script("bash", "true")),
        JobSpec(command=Script("bash", "true", strict=False)),
        evolve(spec, environment={"A": "1"}),
        evolve(spec, environment={"A": "2"}),
        evolve(spec, name="x"),
        evolve(spec, priority=Priority.LOW),
        evolve(spec, stdin=""),
        evolve(spec, drop_logs=True),
    ]
    assert len({fingerprint_of(each) for each in [spec, *others]}) == len(others) + 1


def test_the_order_of_variables_says_nothing() -> None:
    one = JobSpec(command=Shell("true"), environment={"A": "1", "B": "2"}, labels={"x": "1", "y": "2"})
    two = JobSpec(command=Shell("true"), environment={"B": "2", "A": "1"}, labels={"y": "2", "x": "1"})
    assert fingerprint_of(one) == fingerprint_of(two)


def test_every_field_of_a_spec_is_in_its_document() -> None:
    spec = JobSpec(
        command=Shell("true"),
        image="a:1",
        pull=PullPolicy.NEVER,
        user="0",
        entrypoint="image",
        preferred_provider="near",
        preferred_region="eu",
        submit_dir="/home",
        submit_host="desk",
        live_input=True,
    )
    assert spec_to_json(spec).keys() == {field.name for field in JobSpec.__attrs_attrs__}  # type: ignore[attr-defined]  # attrs adds it
