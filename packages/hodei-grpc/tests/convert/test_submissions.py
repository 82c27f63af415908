"""Reading job definitions: what each field means, and whose name a refusal has."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hodei_domain.jobs.spec import OnWorkerLost, Priority, PullPolicy, Script, Shell
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.values import Constraint, Operator
from hodei_grpc.caller import Caller
from hodei_grpc.convert.submissions import to_spec, to_submission
from hodei_proto.wire import hodei as wire

NOBODY = Caller(None, None)


def definition(**fields: Any) -> wire.JobDefinition:
    return wire.JobDefinition(**{"command": "echo", **fields})


def refused(**fields: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        to_spec(definition(**fields))
    assert caught.value.field is not None
    assert caught.value.message.startswith(f"{caught.value.field}: ")
    return caught.value.field


def test_a_command_alone_is_a_line_for_the_shell_and_with_arguments_a_program() -> None:
    assert to_spec(definition(command="echo a && b")).command == Shell("echo a && b")
    assert to_spec(definition(arguments=["a b"])).command == Shell("echo", ("a b",))


def test_a_script_stands_in_place_of_a_command() -> None:
    script = wire.ScriptCommand(interpreter="bash", content="true", not_strict=True)
    assert to_spec(wire.JobDefinition(script=script)).command == Script("bash", "true", strict=False)
    assert refused(script=script) == "job_definition.command"


def test_an_unset_priority_is_normal_and_a_set_one_counts_even_if_it_is_zero() -> None:
    assert to_spec(definition()).priority is Priority.NORMAL
    assert to_spec(definition(scheduling=wire.SchedulingInfo())).priority is Priority.LOW
    high = wire.SchedulingInfo(priority=wire.PriorityLevel.PRIORITY_CRITICAL)
    assert to_spec(definition(scheduling=high)).priority is Priority.CRITICAL
    odd = wire.SchedulingInfo(priority=wire.PriorityLevel(17))
    assert refused(scheduling=odd) == "job_definition.scheduling.priority"


def test_bytes_become_mebibytes_rounded_up() -> None:
    asked = wire.ResourceRequirements(cpu_cores=1.5, memory_bytes=2**20 + 1, disk_bytes=1, gpu_count=2)
    resources = to_spec(definition(requirements=asked, architecture="aarch64")).resources
    assert (resources.cpu_cores, resources.memory_mib, resources.storage_mib) == (1.5, 2, 1)
    assert (resources.gpu, resources.architecture) == (2, "arm64")


def test_seconds_are_the_execution_timeout() -> None:
    assert to_spec(definition(timeout=wire.TimeoutConfig(seconds=5))).clocks.execution == timedelta(seconds=5)


@pytest.mark.parametrize("seconds", [0, -1, -(2**63), 2**63 - 1])
def test_a_timeout_of_no_seconds_is_refused(seconds: int) -> None:
    assert refused(timeout=wire.TimeoutConfig(seconds=seconds)) == "job_definition.timeout.seconds"


def test_two_execution_timeouts_must_agree() -> None:
    same = wire.TimeoutConfig(seconds=5, execution_timeout=timedelta(seconds=5))
    assert to_spec(definition(timeout=same)).clocks.execution == timedelta(seconds=5)
    other = wire.TimeoutConfig(seconds=5, execution_timeout=timedelta(seconds=6))
    assert refused(timeout=other) == "job_definition.timeout.seconds"


@pytest.mark.parametrize(
    "name", ["execution_timeout", "queue_timeout", "no_output_timeout", "total_timeout", "cleanup_timeout"]
)
def test_a_negative_clock_is_refused_by_its_name_on_the_wire(name: str) -> None:
    timeout = wire.TimeoutConfig(**{name: timedelta(seconds=-1)})  # type: ignore[arg-type]  # a name of a field
    assert refused(timeout=timeout) == f"job_definition.timeout.{name}"


def test_a_duration_of_zero_is_no_clock() -> None:
    zero = timedelta(0)
    clocks = to_spec(
        definition(timeout=wire.TimeoutConfig(execution_timeout=zero, queue_timeout=zero, total_timeout=zero))
    ).clocks
    assert (clocks.execution, clocks.queue, clocks.total) == (None, None, None)


def test_a_deadline_is_the_total_clock() -> None:
    deadline = wire.SchedulingInfo(deadline=timedelta(minutes=5))
    assert to_spec(definition(scheduling=deadline)).clocks.total == timedelta(minutes=5)


def test_retrying_is_off_until_it_is_asked_for() -> None:
    assert to_spec(definition()).retry.max_attempts == 1
    assert to_spec(definition(allow_retry=True)).retry.max_attempts == 3
    assert to_spec(definition(retry=wire.RetryPolicy(max_attempts=7))).retry.max_attempts == 7
    assert refused(retry=wire.RetryPolicy(max_attempts=-1)) == "job_definition.retry.max_attempts"


def test_who_forbids_retrying_forbids_it_after_a_lost_worker_too() -> None:
    spec = to_spec(definition(allow_retry=False, retry=wire.RetryPolicy(max_attempts=5)))
    assert (spec.retry.max_attempts, spec.on_worker_lost) == (1, OnWorkerLost.FAIL)
    held = to_spec(definition(allow_retry=False, on_worker_lost=wire.WorkerLostPolicy.HOLD))
    assert held.on_worker_lost is OnWorkerLost.HOLD


def test_conditions_come_from_three_places() -> None:
    spec = to_spec(
        definition(
            constraints=[wire.Constraint(key="zone", operator="In", values=["a", "b"])],
            selector=wire.LabelSelector(
                match_labels={"disk": "ssd"},
                match_expressions=[wire.LabelSelectorRequirement(key="os", operator="NotIn", values=["mac"])],
            ),
            requirements=wire.ResourceRequirements(custom_required={"licenses": 2}),
        )
    )
    assert spec.constraints == (
        Constraint("zone", Operator.IN, ("a", "b")),
        Constraint("disk", Operator.EQ, ("ssd",)),
        Constraint("os", Operator.NOT_IN, ("mac",)),
        Constraint("licenses", Operator.GT, ("1",)),
    )
    odd = [wire.Constraint(key="zone", operator="Like", values=["a"])]
    assert refused(constraints=odd) == "job_definition.constraints.operator"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"command": ""}, "command"),
        ({"command": " "}, "command"),
        ({"command": "a\0b"}, "command"),
        ({"arguments": ["a\0"]}, "arguments[0]"),
        ({"name": "x" * 257}, "name"),
        ({"environment": {"A=B": "1"}}, "environment"),
        ({"environment": {"A": "\0"}}, "environment.A"),
        ({"requirements": wire.ResourceRequirements(cpu_cores=-1)}, "requirements.cpu_cores"),
        ({"requirements": wire.ResourceRequirements(cpu_cores=float("nan"))}, "requirements.cpu_cores"),
        ({"requirements": wire.ResourceRequirements(memory_bytes=-(2**40))}, "requirements.memory_bytes"),
        ({"requirements": wire.ResourceRequirements(gpu_count=-1)}, "requirements.gpu_count"),
        ({"script": wire.ScriptCommand(interpreter="sh"), "command": ""}, "script.content"),
        ({"script": wire.ScriptCommand(content="x"), "command": ""}, "script.interpreter"),
        ({"on_worker_lost": wire.WorkerLostPolicy(9)}, "on_worker_lost"),
        ({"max_budget": float("inf")}, "max_budget"),
        ({"tags": ["x" * 257]}, "tags[0]"),
    ],
)
def test_a_refusal_names_the_field_as_the_client_knows_it(fields: dict[str, Any], name: str) -> None:
    assert refused(**fields) == f"job_definition.{name}"


def test_a_submission_carries_ids_keys_and_who_queued_it() -> None:
    told = definition(job_id=wire.JobId(value="7f0c0c3e-0d5e-4f4e-9a55-7a0a0c9b8d1e"), idempotency_key="once")
    submission = to_submission(
        wire.QueueJobRequest(job_definition=told, queued_by="ana"), Caller("ci", "build-7")
    )
    assert str(submission.job_id) == "7f0c0c3e-0d5e-4f4e-9a55-7a0a0c9b8d1e"
    assert (submission.idempotency_key, submission.queued_by, submission.correlation_id) == (
        "once",
        "ana",
        "build-7",
    )
    unnamed = to_submission(wire.QueueJobRequest(job_definition=definition()), Caller("ci", None))
    assert (unnamed.queued_by, unnamed.job_id, unnamed.idempotency_key) == ("ci", None, None)


def test_a_request_without_a_definition_or_with_a_wrong_id_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^requests\[2\]\.job_definition: is missing"):
        to_submission(wire.QueueJobRequest(), NOBODY, "requests[2].")
    wrong = wire.QueueJobRequest(job_definition=definition(job_id=wire.JobId(value="42")))
    with pytest.raises(InvalidInput, match=r"^job_definition\.job_id\.value: "):
        to_submission(wrong, NOBODY)


@pytest.mark.parametrize("policy", PullPolicy)
def test_when_the_image_is_fetched_is_said_and_told_again(policy: PullPolicy) -> None:
    told = definition(image="alpine:3.20", pull=wire.ImagePullPolicy[policy.value])
    assert to_spec(told).pull is policy


def test_a_pull_policy_that_nobody_knows_is_refused() -> None:
    assert refused(pull=wire.ImagePullPolicy(9)) == "job_definition.pull"
