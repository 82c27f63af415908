"""Each package builds, installs alone with what it declares, and has what a published package must have."""

import email
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = {
    path.parent.name: path
    for path in [*ROOT.glob("packages/*/pyproject.toml"), ROOT / "proto/pyproject.toml"]
}
EXTRAS = {
    "hodei-infrastructure": "[embedded,http,otel,postgres,testing]",
    "hodei-domain": "[testing]",
    "hodei-application": "[testing]",
    "hodei-agent-bundle": "[testing]",
}

pytestmark = pytest.mark.slow


def project(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(PROJECTS[name].read_text())["project"]
    return found


NAMES = {project(folder)["name"]: folder for folder in PROJECTS}


def uv(*arguments: str | Path) -> str:
    """Run uv, the one on PATH or the one that the launcher got."""
    program = shutil.which("uv") or str(ROOT / ".tools/uv/bin/uv")
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}
    done = subprocess.run(
        [program, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with wheel and source distribution of every package."""
    out = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--all-packages", "--out-dir", out)
    return out


def wheel_of(dist: Path, name: str) -> Path:
    (found,) = dist.glob(f"{name.replace('-', '_')}-*.whl")
    return found


def source_of(dist: Path, name: str) -> Path:
    (found,) = dist.glob(f"{name.replace('-', '_')}-*.tar.gz")
    return found


def test_all_packages_have_one_version() -> None:
    assert len({project(folder)["version"] for folder in PROJECTS}) == 1


def test_packages_need_each_other_in_that_very_version() -> None:
    for folder in PROJECTS:
        described = project(folder)
        extras = described.get("optional-dependencies", {}).values()
        for requirement in [
            *described.get("dependencies", []),
            *(each for extra in extras for each in extra),
        ]:
            if requirement.startswith("hodei-"):
                assert requirement.endswith(f"=={described['version']}"), (folder, requirement)


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_has_licence_readme_and_types(name: str, dist: Path) -> None:
    with zipfile.ZipFile(wheel_of(dist, name)) as wheel:
        files = wheel.namelist()
        (metadata_file,) = [each for each in files if each.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(wheel.read(metadata_file))
    module = name.replace("-", "_")
    assert f"{module}/py.typed" in files
    assert any(each.endswith("/LICENSE") for each in files)
    assert str(metadata.get_payload()).startswith(f"# {name}")
    assert metadata["License-Expression"] == "MIT"
    assert not [each for each in files if "/tests/" in each or each.endswith(".pyc")]


@pytest.mark.parametrize("name", NAMES)
def test_a_source_distribution_has_all_that_its_wheel_has(name: str, dist: Path) -> None:
    with tarfile.open(source_of(dist, name)) as source:
        there = {each.split("/src/", 1)[1] for each in source.getnames() if "/src/" in each}
        assert any(each.endswith("/LICENSE") for each in source.getnames())
        assert any(each.endswith("/README.md") for each in source.getnames())
    with zipfile.ZipFile(wheel_of(dist, name)) as wheel:
        modules = {each for each in wheel.namelist() if ".dist-info/" not in each and not each.endswith("/")}
    assert modules <= there


IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
count = 1
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__") and ".migrations." not in module.name:  # these run something
        importlib.import_module(module.name)
        count += 1
print(count)
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_package_installs_alone_and_every_module_of_it_imports(
    name: str, dist: Path, tmp_path: Path
) -> None:
    python = tmp_path / "venv/bin/python"
    uv("venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    wheel = f"{name}{EXTRAS.get(name, '')} @ {wheel_of(dist, name).as_uri()}"
    uv("pip", "install", "--quiet", "--python", python, "--find-links", dist, wheel)
    done = subprocess.run(
        [python, "-I", "-c", IMPORT_ALL, name.replace("-", "_")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for script in project(NAMES[name]).get("scripts", {}):
        helped = subprocess.run(
            [tmp_path / "venv/bin" / script, "--help"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert helped.returncode == 0, helped.stderr
        assert script in helped.stdout


def test_people_are_installed_nothing_that_only_development_needs() -> None:
    listed = uv("export", "--quiet", "--frozen", "--no-dev", "--no-hashes", "--no-header", "--no-annotate")
    names = {line.split("==")[0] for line in listed.splitlines() if "==" in line}
    assert "litestar" in names
    assert names.isdisjoint({"faker", "polyfactory", "rich", "rich-click", "pytest", "hypothesis", "mypy"})
