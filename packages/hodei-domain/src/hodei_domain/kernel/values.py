"""Values that several rooms speak of: resources, constraints on labels."""

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from hodei_domain.kernel.checks import check_text, check_texts, one_of, text, whole, within
from hodei_domain.kernel.converters import texts
from hodei_domain.kernel.errors import InvalidInput

MAX_MIB = 1 << 40  # an exbibyte: nobody means more, and the bytes still fit a 64 bit number

_ARCHITECTURES = {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64", "armv8": "arm64"}


def architecture_name(text: str) -> str:
    """The one name of a machine architecture, as container images use it: `x86_64` is `amd64`."""
    lower = text.strip().lower()
    return _ARCHITECTURES.get(lower, lower)


class PullPolicy(Enum):
    """When a provider fetches a job's image: if it has none of that name, each time anew, or never."""

    IF_NOT_PRESENT = "IF_NOT_PRESENT"
    ALWAYS = "ALWAYS"
    NEVER = "NEVER"


def parse_pull_policy(name: object) -> PullPolicy:
    """Read a policy by its name, in any case, or by Docker's word for it: always, missing, never.

    Raises InvalidInput.
    """
    if isinstance(name, str):
        word = name.upper()
        for policy in PullPolicy:
            if policy.value == ("IF_NOT_PRESENT" if word == "MISSING" else word):
                return policy
    raise InvalidInput(f"{name!r} is none of always, missing, never", field="pull")


_USER = re.compile(r"(\d{1,10})(?::(\d{1,10}))?")
MAX_ID = 2**32 - 2  # the kernel keeps the number after it for "no one"


def check_user(user: str, name: str) -> None:
    """ "", or UID[:GID], who is to run something in a container. Raises InvalidInput."""
    match = _USER.fullmatch(user)
    if user and (match is None or any(int(each) > MAX_ID for each in match.groups() if each)):
        raise InvalidInput(f"{user!r} is neither UID nor UID:GID (numbers)", field=name)


def _real(value: Any) -> Any:
    # 1 and 1.0 are equal but not the same text, and the text of a demand class is its key
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _architecture(value: Any) -> Any:
    return architecture_name(value) if isinstance(value, str) else value


@frozen(kw_only=True)
class Resources:
    """What a job asks for, or the most a provider gives to one. 0 and "" mean not asked, or not limited."""

    cpu_cores: float = field(default=0.0, converter=_real, validator=within(0, 1024))
    memory_mib: int = field(default=0, validator=whole(0, MAX_MIB))
    storage_mib: int = field(default=0, validator=whole(0, MAX_MIB))
    gpu: int = field(default=0, validator=whole(0, 1024))
    architecture: str = field(default="", converter=_architecture, validator=text(64))

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {
            "cpu_cores": self.cpu_cores,
            "memory_mib": self.memory_mib,
            "storage_mib": self.storage_mib,
            "gpu": self.gpu,
            "architecture": self.architecture,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Resources":
        """Back from to_json(). Raises InvalidInput."""
        return cls(**document)


UNASKED = Resources()


@frozen(kw_only=True)
class Capacity:
    """What a machine has. 0 means unknown, and what is unknown refuses nothing."""

    cpu_cores: float = 0.0
    memory_mib: int = 0
    disk_mib: int = 0
    gpu: int = 0


UNKNOWN = Capacity()


def copied(labels: Mapping[str, str]) -> Mapping[str, str]:
    """The same labels, out of reach of whoever gave them."""
    return dict(labels)


class Operator(Enum):
    """How a constraint compares a label; the values are the names on the wire."""

    EQ = "Eq"
    NE = "Ne"
    GT = "Gt"
    LT = "Lt"
    IN = "In"
    NOT_IN = "NotIn"


_MANY = (Operator.IN, Operator.NOT_IN)
_ORDERING = (Operator.GT, Operator.LT)


@frozen
class Constraint:
    """A condition on one label of a worker or provider.

    Eq, Ne, Gt, Lt take exactly one value, In and NotIn at least one. Gt and Lt compare numbers. An absent
    label satisfies Ne and NotIn only.
    """

    key: str = field()
    operator: Operator = field(validator=one_of(Operator))
    values: tuple[str, ...] = field(converter=texts)

    @key.validator
    def _check_key(self, _: Any, key: str) -> None:
        check_text(key, "constraints.key", 256)
        if not key:
            raise InvalidInput("is empty", field="constraints.key")

    @values.validator
    def _check_values(self, _: Any, values: tuple[str, ...]) -> None:
        check_texts(values, "constraints.values", 4096, 256)
        if not values or (len(values) > 1 and self.operator not in _MANY):
            wanted = "one or more values" if self.operator in _MANY else "exactly one value"
            raise InvalidInput(f"{self.operator.value} needs {wanted}", field="constraints.values")
        if self.operator in _ORDERING and _number(values[0]) is None:
            raise InvalidInput(f"{self.operator.value} needs a number", field="constraints.values")

    def allows(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels satisfy the condition."""
        actual = labels.get(self.key)
        if actual is None:
            return self.operator in (Operator.NE, Operator.NOT_IN)
        match self.operator:
            case Operator.EQ | Operator.IN:
                return actual in self.values
            case Operator.NE | Operator.NOT_IN:
                return actual not in self.values
            case _:
                return self._orders(actual)

    def _orders(self, actual: str) -> bool:
        left, right = _number(actual), _number(self.values[0])
        if left is None or right is None:
            return False
        return left > right if self.operator is Operator.GT else left < right

    def __str__(self) -> str:
        return f"{self.key} {self.operator.value} {', '.join(self.values)}"

    def to_json(self) -> list[Any]:
        """Key, operator, values; ready for JSON."""
        return [self.key, self.operator.value, list(self.values)]

    @classmethod
    def from_json(cls, document: list[Any]) -> "Constraint":
        """Back from to_json(). Raises InvalidInput."""
        key, operator, values = document
        return cls(key, parse_operator(operator), tuple(values))


def parse_operator(name: str) -> Operator:
    """Read an operator by its name on the wire, in any case. Raises InvalidInput."""
    for operator in Operator:
        if operator.value.lower() == name.lower():
            return operator
    raise InvalidInput(
        f"{name!r} is none of {', '.join(o.value for o in Operator)}", field="constraints.operator"
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
