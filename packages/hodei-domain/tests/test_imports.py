"""The domain imports attrs and the standard library without asyncio; what tests need lives in `testing`
alone.
"""

import ast
import sys
from pathlib import Path

import hodei_domain

ROOT = Path(hodei_domain.__file__).parent


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add((node.module or "").split(".")[0])
    return names


def domain_files() -> list[Path]:
    return [path for path in ROOT.rglob("*.py") if "testing" not in path.relative_to(ROOT).parts]


def test_attrs_is_the_only_third_party_import() -> None:
    files = domain_files()
    assert len(files) > 30
    names = set[str]().union(*map(imported, files))
    assert names - set(sys.stdlib_module_names) - {"hodei_domain"} == {"attrs"}


def test_the_domain_does_no_input_or_output() -> None:
    names = set[str]().union(*map(imported, domain_files()))
    assert (
        names & {"asyncio", "socket", "subprocess", "threading", "time", "random", "secrets", "os", "logging"}
        == set()
    )


def test_nothing_outside_testing_imports_testing() -> None:
    for path in domain_files():
        assert "hodei_domain.testing" not in path.read_text(), path
