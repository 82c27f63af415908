"""Conversion, without an engine: what is asked of it, and what its answers mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hodei_domain.kernel.demand import DemandClass
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.records import PresenceState
from hodei_infrastructure.docker import convert, output
from hodei_infrastructure.docker.config import DockerConfig
from hodei_infrastructure.docker.facts import EngineFacts, ImageFacts, engine_facts
from hodei_infrastructure.docker.testing import a_spec

FACTS = EngineFacts(
    version="27",
    architecture="amd64",
    cpu_cores=4,
    memory_mib=8192,
    gpus=True,
    storage_driver="btrfs",
    operating_system="Debian",
    name="host",
)
IMAGE = ImageFacts(id="sha256:1", architecture="amd64", user="")
ID = UUID("01a20c6f-af65-7f65-9545-95e344bd853d")


def host_of(resources: Resources, facts: EngineFacts = FACTS, **config: Any) -> dict[str, Any]:
    body = convert.container(
        a_spec("x", resources=resources),
        image=IMAGE,
        user="5",
        engine=facts,
        config=DockerConfig(**config),
        marks=convert.Marks(installation="i", provider="docker"),
        command=("/hodei/agent",),
        volume=None,
    )
    host: dict[str, Any] = body["HostConfig"]
    return host


def test_what_was_not_asked_is_not_limited() -> None:
    host = host_of(Resources())
    assert not {"Memory", "NanoCpus", "StorageOpt", "DeviceRequests"} & host.keys()
    assert host["Mounts"] == []


def test_disks_are_limited_where_the_storage_driver_can() -> None:
    asked = Resources(storage_mib=100)
    assert host_of(asked)["StorageOpt"] == {"size": "164M"}  # beside what waits for the server
    plain = EngineFacts(**{**_fields(FACTS), "storage_driver": "overlay2"})
    assert "StorageOpt" not in host_of(asked, plain)


def test_gpus_are_requested_by_number() -> None:
    assert host_of(Resources(gpu=2))["DeviceRequests"] == [{"Count": 2, "Capabilities": [["gpu"]]}]


def test_the_least_share_of_a_processor_is_what_the_engine_takes() -> None:
    assert host_of(Resources(cpu_cores=0.001))["NanoCpus"] == 10_000_000


@pytest.mark.parametrize(
    ("network", "named"), [("bridge", True), ("ci", True), ("host", False), ("none", False)]
)
def test_the_host_s_name_is_given_where_the_network_is_not_the_host_s(network: str, named: bool) -> None:
    assert ("ExtraHosts" in host_of(Resources(), network_mode=network)) is named


def test_ours_win_over_labels_that_look_like_ours() -> None:
    told = convert.labels(
        a_spec(), convert.Marks(installation="i", provider="p"), DockerConfig(labels={"a": "b"})
    )
    assert told["a"] == "b"
    assert (told["hodei.installation"], told["hodei.provider"]) == ("i", "p")


def test_the_agent_takes_over_how_it_logs_and_nothing_else() -> None:
    environ = {"HODEI_LOG_LEVEL": "debug", "HODEI_TOKEN": "secret", "PATH": "/x"}
    told = convert.agent_environment(a_spec(), ("/entry", "-x"), environ=environ)
    assert "HODEI_LOG_LEVEL=debug" in told
    assert 'HODEI_IMAGE_ENTRYPOINT=["/entry", "-x"]' in told
    assert not [each for each in told if "secret" in each or each.startswith("PATH=")]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"Status": "created"}, (PresenceState.STARTING, None, "")),
        ({"Status": "paused"}, (PresenceState.RUNNING, None, "")),
        (
            {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
            (PresenceState.EXITED, 137, "oom: the memory of its container ran out"),
        ),
        # A job that ran out of memory some time ago does not explain how its agent ended later.
        (
            {"Status": "exited", "ExitCode": 3, "OOMKilled": True},
            (PresenceState.EXITED, 3, "the agent ended with exit code 3"),
        ),
        (
            {"Status": "exited", "ExitCode": 137},
            (PresenceState.EXITED, 137, "killed: signal 9, and not because memory ran out"),
        ),
        (
            {"Status": "dead", "ExitCode": 143},
            (PresenceState.EXITED, 143, "the agent was ended by signal 15"),
        ),
        ({"Status": "exited", "ExitCode": 127, "Error": "no disk"}, (PresenceState.EXITED, 127, "no disk")),
    ],
)
def test_how_a_container_stands(state: dict[str, Any], expected: tuple[Any, ...]) -> None:
    presence = convert.to_presence({"State": state})
    assert (presence.state, presence.exit_code, presence.reason) == expected


def test_a_container_that_names_no_worker_is_no_worker() -> None:
    assert convert.to_found({"Labels": {"hodei.worker.id": "nonsense"}, "State": "running"}) is None
    assert convert.to_found({"Labels": None, "State": "running"}) is None


def test_an_expiry_that_cannot_be_read_is_none() -> None:
    labels = {"hodei.worker.id": str(ID), "hodei.expires-at": "tomorrow"}
    found = convert.to_found({"Labels": labels, "State": "running", "Created": 0})
    assert found is not None
    assert (found.expires_at, found.started_at) == (None, datetime(1970, 1, 1, tzinfo=UTC))


def test_instants_of_the_engine_are_read_without_their_nanoseconds() -> None:
    assert convert.engine_instant("2026-11-24T07:20:44.123456789Z") == datetime(
        2026, 11, 24, 7, 20, 44, tzinfo=UTC
    )
    assert convert.engine_instant("0001-01-01T00:00:00Z") is None


@pytest.mark.parametrize(
    ("pools", "gateway"),
    [
        ([{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.9"}], "172.17.0.9"),
        ([{"Subnet": "172.17.0.0/16"}], "172.17.0.1"),
        ([{"Subnet": "fd00::/64", "Gateway": "fd00::1"}, {"Subnet": "10.1.0.0/24"}], "10.1.0.1"),
        ([{"Subnet": "nonsense"}], None),
        ([], None),
        (None, None),
    ],
)
def test_the_gateway_of_a_network(pools: Any, gateway: str | None) -> None:
    assert convert.gateway_of({"IPAM": {"Config": pools}}) == gateway


def test_usage_leaves_out_what_the_kernel_only_keeps_for_later() -> None:
    usage = convert.to_usage(
        {
            "cpu_stats": {"cpu_usage": {"total_usage": 3_000_000_000}},
            "memory_stats": {"usage": 1000, "stats": {"inactive_file": 300}},
            "networks": {"eth0": {"tx_bytes": 1, "rx_bytes": 2}, "eth1": {"tx_bytes": 10, "rx_bytes": 20}},
        },
        seconds=6.0,
    )
    assert (usage.cpu_cores, usage.memory_bytes) == (0.5, 700)
    assert (usage.network_sent_bytes, usage.network_received_bytes) == (11, 22)


def test_what_an_engine_says_of_itself() -> None:
    facts = engine_facts(
        {
            "ServerVersion": "1",
            "Architecture": "aarch64",
            "NCPU": 2,
            "MemTotal": 2**30,
            "Runtimes": {"nvidia": {}},
        }
    )
    assert (facts.architecture, facts.memory_mib, facts.gpus, facts.is_desktop) == (
        "arm64",
        1024,
        True,
        False,
    )
    assert engine_facts({"OperatingSystem": "Docker Desktop"}).is_desktop
    capabilities = convert.to_capabilities(facts)
    assert (capabilities.max_resources.memory_mib, capabilities.gpu, capabilities.images) == (
        1024,
        True,
        True,
    )


def test_of_an_engine_that_never_answered_nothing_is_refused_but_what_the_settings_say() -> None:
    demand = DemandClass(image="x", resources=Resources(memory_mib=2**30))
    assert convert.why_not(demand, None, DockerConfig()) is None
    assert "network is `none`" in (convert.why_not(demand, None, DockerConfig(network_mode="none")) or "")


def frame(stream: int, text: str) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text.encode()


def test_lines_keep_their_streams_and_their_order() -> None:
    raw = frame(1, "a\nb") + frame(2, "x\r\n") + frame(1, "c\n") + frame(2, "rest") + frame(1, "lost")[:-1]
    assert output.lines(raw) == [
        (output.Stream.STDOUT, "a"),
        (output.Stream.STDERR, "x"),
        (output.Stream.STDOUT, "bc"),
        (output.Stream.STDERR, "rest"),
    ]


def _fields(facts: EngineFacts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in facts.__slots__ if not name.startswith("__")}


def test_the_spool_is_on_disk_and_the_job_s_own_directory_in_its_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HODEI_SPOOL_SIZE", "200MiB")
    told = convert.agent_environment(a_spec())
    assert {"HODEI_SPOOL_SIZE=200MiB", "HODEI_SPOOL_DIR=/hodei-spool"} <= set(told)
    host = host_of(Resources(memory_mib=100, storage_mib=100))
    assert host["Tmpfs"]["/hodei-work"].endswith("size=100m")
    assert host["Memory"] == (100 + 64) * 2**20
    assert host["StorageOpt"] == {"size": "300M"}


@pytest.mark.parametrize(
    ("driver", "backing", "tried", "words"),
    [
        ("btrfs", "", True, ""),
        ("overlay2", "xfs", True, ""),
        ("overlay2", "extfs", False, "overlay2 on extfs, has no quotas"),
        ("fuse-overlayfs", "", False, "fuse-overlayfs, has no quotas"),
    ],
)
def test_what_holds_the_disk_is_told_to_the_agent(driver: str, backing: str, tried: bool, words: str) -> None:
    facts = EngineFacts(**{**_fields(FACTS), "storage_driver": driver, "backing": backing})
    asked = Resources(storage_mib=10)
    body = convert.container(
        a_spec("x", resources=asked),
        image=IMAGE,
        user="5",
        engine=facts,
        config=DockerConfig(),
        marks=convert.Marks(installation="i", provider="docker"),
        command=("/hodei/agent",),
        volume=None,
    )
    (told,) = [each for each in body["Env"] if each.startswith("HODEI_WORKER_DISK=")]
    assert ("StorageOpt" in body["HostConfig"]) is tried
    assert told == "HODEI_WORKER_DISK=" + (
        f"not held: the engine's storage driver, {words}" if words else "held by the storage driver"
    )
