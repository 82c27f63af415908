"""Messages to bytes and back through protobuf's C implementation.

The messages of `hodei_proto.wire` are dataclasses of betterproto2, whose own codec is written in
Python: about 20 µs for each entry of a repeated message, and lenient where it must not be (a truncated
message parses, a oneof keeps two members, a negative duration changes its value). Here protobuf's C
library reads and writes the bytes, and between its objects and the dataclasses stand converters. The
code of a converter is written from the contract's descriptor at its first use, so that importing costs
nothing and each process pays only for the messages it sees.

Unlike betterproto2, fields that the contract does not know are dropped and not carried along.
"""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import cache
from keyword import iskeyword
from typing import Any, Generic, TypeVar

import betterproto2
from attrs import field, frozen
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from hodei_grpc.descriptors import descriptor_of, enum_class, message_class

M = TypeVar("M", bound=betterproto2.Message)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400


class Malformed(ValueError):
    """The bytes are not a message of the expected type."""


@frozen
class Codec(Generic[M]):
    """How to read and write one type of message."""

    encode: Callable[[M], bytes]
    """Raise ValueError or TypeError for a value that its field cannot hold (range, type, naive datetime).

    Of a oneof with several members set the last one in the .proto file is written.
    """

    decode: Callable[[bytes], M]
    """Raise Malformed. Of several members of a oneof on the wire the last one is kept."""


def codec(message: type[M]) -> Codec[M]:
    """Return the codec of a message class of the contract. Raise KeyError for any other class."""
    found: Codec[M] = _codec(message)
    return found


@cache
def _codec(message: Any) -> Codec[Any]:
    descriptor = descriptor_of(message)
    wire = GetMessageClass(descriptor)
    converter = _converter(message)

    def encode(value: Any) -> bytes:
        out = wire()
        converter.fill(value, out)
        return out.SerializeToString()

    def decode(data: bytes) -> Any:
        try:
            return converter.make(wire.FromString(data))
        except (DecodeError, OverflowError) as error:  # OverflowError: no datetime reaches that far
            raise Malformed(f"not a {descriptor.full_name}: {error}") from error

    return Codec(encode, decode)


class _Converter:
    """Converts one type of message: `make` from the C object, `fill` into it.

    Both replace themselves at their first use.
    """

    __slots__ = ("_message", "fill", "make")

    def __init__(self, message: type[betterproto2.Message]) -> None:
        self._message = message
        self.make: Callable[[Any], Any] = self._make_first
        self.fill: Callable[[Any, Any], None] = self._fill_first

    def _make_first(self, source: Any) -> Any:
        self._write()
        return self.make(source)

    def _fill_first(self, source: Any, target: Any) -> None:
        self._write()
        self.fill(source, target)

    def _write(self) -> None:
        descriptor = descriptor_of(self._message)
        code = _code_of(self._message, descriptor)
        names = {"message": self._message, **_TIMES, **code.names}
        exec(compile(code.source(), f"<codec of {descriptor.full_name}>", "exec"), names)  # noqa: S102
        self.make, self.fill = names["make"], names["fill"]


@cache
def _converter(message: type[betterproto2.Message]) -> _Converter:
    return _Converter(message)


# --- times: the dataclasses have datetime and timedelta where the wire has a message ---


def _read_time(source: Any) -> datetime:
    return _EPOCH + timedelta(0, source.seconds, source.nanos // 1000)


def _write_time(value: datetime, target: Any) -> None:
    since = value - _EPOCH  # TypeError for a naive one
    target.seconds = since.days * _DAY + since.seconds
    target.nanos = since.microseconds * 1000


def _read_span(source: Any) -> timedelta:
    nanos = source.nanos
    return timedelta(0, source.seconds, nanos // 1000 if nanos >= 0 else -(-nanos // 1000))


def _write_span(value: timedelta, target: Any) -> None:
    seconds, nanos = value.days * _DAY + value.seconds, value.microseconds * 1000
    if seconds < 0 < nanos:  # a timedelta's parts have their own signs, on the wire both have the whole's
        seconds, nanos = seconds + 1, nanos - 1_000_000_000
    target.seconds = seconds
    target.nanos = nanos


_TIMES = {
    "read_time": _read_time,
    "write_time": _write_time,
    "read_span": _read_span,
    "write_span": _write_span,
}
_WELL_KNOWN = {
    "google.protobuf.Timestamp": ("read_time({0})", "write_time({0}, {1})"),
    "google.protobuf.Duration": ("read_span({0})", "write_span({0}, {1})"),
}


# --- the code of a converter ---


@frozen
class _Code:
    """Two functions in the making: `make(p)` calls the dataclass, `fill(m, p)` sets the fields of `p`."""

    choices: list[str] = field(factory=list)
    arguments: list[str] = field(factory=list)
    statements: list[str] = field(factory=list)
    names: dict[str, Any] = field(factory=dict)

    def source(self) -> str:
        make = [*self.choices, f"return message({', '.join(self.arguments)})"]
        fill = self.statements or ["pass"]
        lines = ["def make(p):", *(f"    {line}" for line in make)]
        lines += ["def fill(m, p):", *(f"    {line}" for line in fill)]
        return "\n".join(lines)


def _code_of(message: type[betterproto2.Message], descriptor: Descriptor) -> _Code:
    code = _Code()
    attributes = _attributes(message)
    for oneof in descriptor.oneofs:
        if len(oneof.fields) > 1:
            code.choices.append(f"chosen_{oneof.name} = p.WhichOneof({oneof.name!r})")
    for each in descriptor.fields:
        _add_field(code, each, attributes[each.number])
    return code


def _attributes(message: type[betterproto2.Message]) -> dict[int, str]:
    """Field number to name in Python, which differs from the wire's for keywords (`lambda_`)."""
    declared: Any = message  # betterproto2's base class does not say that it is a dataclass
    return {each.metadata["betterproto"].number: each.name for each in fields(declared)}


def _add_field(code: _Code, field: FieldDescriptor, attribute: str) -> None:
    here, there = f"m.{attribute}", _in_wire(field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        read, write = _map(code, field, here, there)
    elif field.is_repeated:
        read, write = _list(code, field, here, there)
    else:
        read, write = _single(code, field, here, there)
    code.arguments.append(f"{attribute}={read}")
    code.statements.extend(write)


def _in_wire(name: str) -> str:
    return f"getattr(p, {name!r})" if iskeyword(name) else f"p.{name}"


def _map(code: _Code, field: FieldDescriptor, here: str, there: str) -> tuple[str, list[str]]:
    value = _message_of(field).fields_by_name["value"]
    if value.message_type is None and value.enum_type is None:
        return f"dict({there})", [f"if {here}: {there}.update({here})"]
    read = f"{{k: {_reading(code, value, 'v')} for k, v in {there}.items()}}"
    if value.message_type is None:
        return read, [f"if {here}: {there}.update({here})"]
    return read, [f"for k, v in {here}.items(): {_writing(code, value, 'v', f'{there}[k]')}"]


def _list(code: _Code, field: FieldDescriptor, here: str, there: str) -> tuple[str, list[str]]:
    if field.message_type is not None:
        write = f"for v in {here}: {_writing(code, field, 'v', f'{there}.add()')}"
    else:
        write = f"if {here}: {there}.extend({here})"
    if field.message_type is None and field.enum_type is None:
        return f"list({there})", [write]
    return f"[{_reading(code, field, 'v')} for v in {there}]", [write]


def _single(code: _Code, field: FieldDescriptor, here: str, there: str) -> tuple[str, list[str]]:
    read = _reading(code, field, there)
    if field.message_type is not None:
        write = [
            f"if {here} is not None:",
            f"    q = {there}",
            "    q.SetInParent()",
            f"    {_writing(code, field, here, 'q')}",
        ]
    else:
        write = [f"{_when_set(field, here)}{there} = {here}"]
    if field.has_presence:
        read = f"{read} if {_is_present(field)} else None"
    return read, write


def _when_set(field: FieldDescriptor, here: str) -> str:
    """The condition to write a scalar under."""
    if field.has_presence:
        return f"if {here} is not None: "
    if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
        return ""  # minus zero is equal to the default and must be written, which the C library knows
    return f"if {here}: "


def _is_present(field: FieldDescriptor) -> str:
    oneof = field.containing_oneof
    if oneof is not None and len(oneof.fields) > 1:  # `optional` is a oneof of one
        return f"chosen_{oneof.name} == {field.name!r}"
    return f"p.HasField({field.name!r})"


def _reading(code: _Code, field: FieldDescriptor, value: str) -> str:
    """An expression that converts one value, neither list nor map."""
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return known[0].format(value) if known else f"{_sub(code, field)}.make({value})"
    if field.enum_type is not None:
        name = _name_of(field)
        code.names[name] = _Members(enum_class(field.enum_type))
        return f"{name}[{value}]"
    return value


def _writing(code: _Code, field: FieldDescriptor, value: str, target: str) -> str:
    """A statement that writes one message into `target`."""
    known = _WELL_KNOWN.get(_message_of(field).full_name)
    return known[1].format(value, target) if known else f"{_sub(code, field)}.fill({value}, {target})"


def _sub(code: _Code, field: FieldDescriptor) -> str:
    name = _name_of(field)
    code.names[name] = _converter(message_class(_message_of(field)))
    return name


def _name_of(field: FieldDescriptor) -> str:
    """A name for what converts the field; the type in front tells the values of several maps apart."""
    assert field.containing_type is not None
    return f"{field.containing_type.name}_{field.name}"


def _message_of(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None
    return field.message_type


class _Members(dict[int, betterproto2.Enum]):
    """Number to member of an enum; numbers that the contract does not know become unnamed members."""

    def __init__(self, enum: type[betterproto2.Enum]) -> None:
        super().__init__((int(member), member) for member in enum)
        self._enum = enum

    def __missing__(self, number: int) -> betterproto2.Enum:
        return self._enum(number)
