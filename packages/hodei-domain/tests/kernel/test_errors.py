import importlib
import pkgutil
from collections.abc import Iterator

import hodei_domain
import pytest
from hodei_domain.kernel.errors import HodeiError, InvalidInput, Kind, renaming


def all_errors(base: type[HodeiError] = HodeiError) -> Iterator[type[HodeiError]]:
    for module in pkgutil.walk_packages(hodei_domain.__path__, "hodei_domain."):
        importlib.import_module(module.name)
    yield from base.__subclasses__()
    for error in base.__subclasses__():
        yield from all_errors(error)


def test_every_error_has_a_kind_and_a_code() -> None:
    for error in all_errors():
        assert isinstance(error.kind, Kind), error
        assert error.code, error


def test_codes_are_unique() -> None:
    errors = set(all_errors())
    assert len({error.code for error in errors}) == len(errors)


def test_the_message_names_the_field() -> None:
    error = InvalidInput("is empty", field="name")
    assert str(error) == error.message == "name: is empty"
    assert InvalidInput("is empty").message == "is empty"
    assert InvalidInput("is empty").field is None


def test_a_refusal_is_told_with_the_field_as_the_caller_knows_it() -> None:
    with pytest.raises(InvalidInput) as refused, renaming(lambda field: f"spec.{field}"):
        raise InvalidInput("is empty", field="name")
    assert (refused.value.field, refused.value.text) == ("spec.name", "is empty")
    assert refused.value.message == "spec.name: is empty"


def test_a_refusal_without_a_field_stays_as_it_is() -> None:
    refusal = InvalidInput("is empty")
    with pytest.raises(InvalidInput) as refused, renaming(lambda field: f"spec.{field}"):
        raise refusal
    assert refused.value is refusal
