"""How people refer to a job: by its id, by the beginning or the end of it, or by its name."""

import re
from uuid import UUID

from attrs import field, frozen

from hodei_domain.kernel.checks import check_text
from hodei_domain.kernel.errors import InvalidInput
from hodei_domain.kernel.ids import JobId

SHORTEST_PART = 4
"""Digits of an id below which nearly every job would match."""

WHOLE = 32
_DIGITS = re.compile(rf"[0-9a-f]{{{SHORTEST_PART},{WHOLE}}}")


def _check(_: object, __: object, value: str) -> None:
    check_text(value, "reference", 256)
    if not value:
        raise InvalidInput("is empty: give an id, a part of one, or a name", field="reference")


@frozen
class JobReference:
    """What somebody typed. It may be a part of an id and a name at once."""

    text: str = field(validator=_check)

    @property
    def digits(self) -> str:
        """Its hexadecimal digits, lower case, without dashes, if it may be a part of an id; else ""."""
        digits = self.text.lower().replace("-", "")
        return digits if _DIGITS.fullmatch(digits) else ""

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole id."""
        return len(self.digits) == WHOLE

    @property
    def span(self) -> tuple[JobId, JobId]:
        """The lowest and the highest id that begin with the digits."""
        digits = self.digits
        return JobId(UUID(digits.ljust(WHOLE, "0"))), JobId(UUID(digits.ljust(WHOLE, "f")))
