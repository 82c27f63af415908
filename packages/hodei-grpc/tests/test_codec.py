"""The codec against betterproto2's own, which knows nothing of it, and the cases where that one is wrong."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import betterproto2
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hodei_grpc.codec import Malformed, codec
from hodei_grpc.descriptors import contract_files, contract_pool, descriptor_of, enum_class, message_class
from hodei_proto.wire import hodei
from hodei_proto.wire.google.protobuf import Timestamp
from hodei_proto.wire.hodei import providers
from hypothesis import given, settings
from hypothesis import strategies as st

MESSAGES = [
    message_class(contract_pool().FindMessageTypeByName(f"{file.package}.{message.name}"))
    for file in contract_files().file
    if file.package.startswith("hodei")
    for message in file.message_type
]

INTEGERS = {
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
}
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    **INTEGERS,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_STRING: st.text(),
    FieldDescriptor.TYPE_BYTES: st.binary(),
}


def values(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    """One value of a field, neither list nor map."""
    if field.enum_type is not None:
        members = st.sampled_from(list(enum_class(field.enum_type)))
        return members | st.integers(1000, 2**31 - 1).map(enum_class(field.enum_type))
    if field.message_type is None:
        return SCALARS[field.type]
    if field.message_type.full_name == "google.protobuf.Timestamp":
        return st.datetimes(timezones=st.just(UTC))
    if field.message_type.full_name == "google.protobuf.Duration":
        # betterproto2 writes negative ones wrongly and rounds those beyond 285 years: see below for them
        return st.timedeltas(timedelta(0), timedelta(days=100_000))
    return messages(field.message_type)


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor) -> betterproto2.Message:
    """Any message that the wire can carry: of a oneof at most one member is set."""
    chosen = {
        draw(st.sampled_from([None, *(each.name for each in oneof.fields)]))
        for oneof in descriptor.oneofs
        if len(oneof.fields) > 1
    }
    fields: dict[str, Any] = {}
    for field in descriptor.fields:
        name = "lambda_" if field.name == "lambda" else field.name
        oneof = field.containing_oneof
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[each] for each in ("key", "value"))
            fields[name] = draw(st.dictionaries(values(key), values(value), max_size=2))
        elif field.is_repeated:
            fields[name] = draw(st.lists(values(field), max_size=2))
        elif oneof is not None and len(oneof.fields) > 1:
            fields[name] = draw(values(field)) if field.name in chosen else None
        elif field.has_presence:
            fields[name] = draw(st.none() | values(field))
        else:
            fields[name] = draw(values(field))
    return message_class(descriptor)(**fields)


def test_the_contract_has_its_messages() -> None:
    assert len(MESSAGES) > 140
    assert hodei.WorkerMessage in MESSAGES
    assert providers.ProviderTypeConfig in MESSAGES


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: each.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_both_codecs_read_what_the_other_wrote(message: type[Any], data: st.DataObject) -> None:
    value = data.draw(messages(descriptor_of(message)))
    ours = codec(message)
    assert ours.decode(bytes(value)) == value
    assert message.parse(ours.encode(value)) == value
    assert ours.decode(ours.encode(value)) == value


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: each.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.binary(max_size=40))
def test_any_bytes_are_a_message_or_malformed(message: type[Any], data: bytes) -> None:
    try:
        value = codec(message).decode(data)
    except Malformed:
        return
    assert codec(message).decode(codec(message).encode(value)) == value


@pytest.mark.parametrize("data", [b"\x0a\x20abc", b"\xff\xff\xff\xff", b"\x0a", b"\x0a\x02\xff\xfe"])
def test_truncated_or_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match=r"not a hodei\.JobId"):
        codec(hodei.JobId).decode(data)


def test_of_two_members_of_a_oneof_the_last_one_on_the_wire_wins() -> None:
    shell = hodei.CommandSpec(shell=hodei.ShellCommand(cmd="a"))
    script = hodei.CommandSpec(script=hodei.ScriptCommand(content="b"))
    assert codec(hodei.CommandSpec).decode(bytes(shell) + bytes(script)) == script
    assert codec(hodei.CommandSpec).decode(bytes(script) + bytes(shell)) == shell


def test_of_two_members_of_a_oneof_one_is_written() -> None:
    both = hodei.CommandSpec(shell=hodei.ShellCommand(cmd="a"), script=hodei.ScriptCommand(content="b"))
    read = codec(hodei.CommandSpec).decode(codec(hodei.CommandSpec).encode(both))
    assert read == hodei.CommandSpec(script=hodei.ScriptCommand(content="b"))


@given(st.timedeltas(timedelta(days=-3_600_000), timedelta(days=3_600_000)))
def test_durations_keep_their_value_below_zero_too(deadline: timedelta) -> None:
    info = hodei.SchedulingInfo(deadline=deadline)
    assert codec(hodei.SchedulingInfo).decode(codec(hodei.SchedulingInfo).encode(info)) == info


def test_a_negative_duration_is_written_as_the_specification_says() -> None:
    written = codec(hodei.SchedulingInfo).encode(hodei.SchedulingInfo(deadline=timedelta(seconds=-1.5)))
    minus_one, minus_half = b"\xff" * 9 + b"\x01", (2**64 - 500_000_000)
    assert written[:2] == b"\x1a\x16"
    assert written[2:13] == b"\x08" + minus_one
    assert written[13] == 0x10
    nanos = sum((byte & 0x7F) << (7 * index) for index, byte in enumerate(written[14:]))
    assert nanos == minus_half


def test_a_duration_below_a_microsecond_is_cut_towards_zero() -> None:
    minus_one_nano = b"\x1a\x0b\x10" + b"\xff" * 9 + b"\x01"
    assert codec(hodei.SchedulingInfo).decode(minus_one_nano).deadline == timedelta(0)


def test_an_unknown_enum_number_survives() -> None:
    job = codec(hodei.JobSummary).decode(b"\x18\x63")
    assert job.status == 99
    assert codec(hodei.JobSummary).encode(job) == b"\x18\x63"


@pytest.mark.parametrize(
    "value",
    [
        hodei.LogChunk(attempt=2**32),
        hodei.LogChunk(attempt=-1),
        hodei.LogChunk(first_sequence=2**63),
        hodei.JobResultMessage(exit_code=2**31),
        hodei.RetryPolicy(on_exit_codes=[2**31]),
    ],
)
def test_a_number_its_field_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="out of range"):
        codec(type(value)).encode(value)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError, match="offset-naive"):
        codec(hodei.JobStarted).encode(hodei.JobStarted(started_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_an_instant_no_datetime_reaches_is_malformed() -> None:
    far = bytes(Timestamp(seconds=2**62))
    with pytest.raises(Malformed):
        codec(hodei.JobStarted).decode(b"\x22" + bytes([len(far)]) + far)


def test_the_epoch_is_not_nothing() -> None:
    epoch = hodei.JobStarted(started_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert codec(hodei.JobStarted).decode(codec(hodei.JobStarted).encode(epoch)) == epoch
    assert codec(hodei.JobStarted).encode(epoch) == b"\x22\x00"


def test_an_empty_message_is_not_nothing() -> None:
    hello = hodei.WorkerMessage(hello=hodei.WorkerHello())
    assert codec(hodei.WorkerMessage).decode(codec(hodei.WorkerMessage).encode(hello)) == hello


def test_zero_in_an_optional_field_is_not_nothing() -> None:
    answer = hodei.GetJobStatusResponse(exit_code=0)
    assert (
        codec(hodei.GetJobStatusResponse).decode(codec(hodei.GetJobStatusResponse).encode(answer)) == answer
    )
    assert hodei.GetJobStatusResponse() != answer


def test_minus_zero_keeps_its_sign() -> None:
    written = codec(hodei.CpuUsage).encode(hodei.CpuUsage(usage_percent=-0.0))
    assert str(codec(hodei.CpuUsage).decode(written).usage_percent) == "-0.0"


def test_fields_the_contract_does_not_know_are_dropped() -> None:
    job = codec(hodei.JobId).decode(b"\x0a\x01x\xfa\x3f\x01y")
    assert codec(hodei.JobId).encode(job) == b"\x0a\x01x"


def test_a_class_that_is_not_of_the_contract_has_no_codec() -> None:
    class Stranger(betterproto2.Message):
        pass

    with pytest.raises(KeyError):
        codec(Stranger)


def test_importing_the_codec_makes_no_converters() -> None:
    program = (
        "import hodei_grpc.codec as c, hodei_grpc.descriptors as d;"
        "assert c._converter.cache_info().currsize == 0;"
        "assert d.contract_pool.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
