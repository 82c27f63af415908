"""The Docker provider on a real engine: what is in its containers, how they end, and what it leaves."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hodei_domain.kernel.demand import ANY, DemandClass
from hodei_domain.kernel.values import Resources
from hodei_domain.providers.capabilities import Capabilities
from hodei_domain.providers.errors import ProviderUnavailable, WorkerNotCreated
from hodei_domain.providers.records import PresenceState, WorkerSighting
from hodei_domain.workers.spec import WorkerSpec
from hodei_infrastructure.docker import convert, facts
from hodei_infrastructure.docker.convert import container_name
from hodei_infrastructure.docker.delivery import Delivery
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.facts import engine_facts
from hodei_infrastructure.docker.provider import DockerProvider
from hodei_infrastructure.docker.testing import BUSYBOX, MakeImage, MakeProvider, a_spec, inspect

FEW = [
    *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETUID", "SYS_CHROOT"),
]
OTP = "hodei-otp-that-nobody-may-see"
NO_GRACE = timedelta(0)
PATIENCE = 30.0


@asynccontextmanager
async def hearing(provider: DockerProvider) -> AsyncIterator[asyncio.Queue[WorkerSighting]]:
    """What the provider tells from the moment when the engine tells it."""
    heard: asyncio.Queue[WorkerSighting] = asyncio.Queue()

    async def listen() -> None:
        async with aclosing(provider.events()) as events:
            async for sighting in events:
                heard.put_nowait(sighting)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(
    heard: asyncio.Queue[WorkerSighting], worker: WorkerSpec, state: PresenceState
) -> WorkerSighting:
    async with asyncio.timeout(PATIENCE):
        while True:
            sighting = await heard.get()
            if sighting.worker_id == worker.worker_id and sighting.presence.state is state:
                return sighting


async def refusal(provider: DockerProvider, worker: WorkerSpec) -> WorkerNotCreated:
    with pytest.raises(WorkerNotCreated) as caught:
        await provider.create_worker(worker, OTP)
    return caught.value


# --- what is in a container ---


async def test_the_password_is_in_a_file_and_in_nothing_that_can_be_inspected(
    make_provider: MakeProvider, engine: Engine
) -> None:
    provider, worker = make_provider(), a_spec()
    await provider.create_worker(worker, OTP)
    assert OTP not in json.dumps(await inspect(engine, worker))
    assert OTP not in json.dumps(await engine.get("containers/json", all="1"))
    assert OTP not in "\n".join(await provider.worker_logs(worker.worker_id, 1000))


async def test_a_container_is_held_to_what_its_job_asked_for_and_has_no_rights(
    make_provider: MakeProvider, engine: Engine
) -> None:
    provider = make_provider(pids_limit=77, dns_servers=["192.0.2.1"], labels={"team": "a"})
    worker = a_spec(resources=Resources(cpu_cores=0.5, memory_mib=64))
    await provider.create_worker(worker, OTP)
    document = await inspect(engine, worker)
    host, config = document["HostConfig"], document["Config"]
    assert host["NanoCpus"] == 500_000_000
    assert host["Memory"] == host["MemorySwap"] == (64 + 64) * 2**20
    assert (host["PidsLimit"], host["CapDrop"], host["Privileged"]) == (77, ["ALL"], False)
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["RestartPolicy"]["Name"], host["Dns"]) == ("no", ["192.0.2.1"])
    assert (config["User"], host["CapAdd"]) == ("0", FEW)
    assert config["Labels"]["team"] == "a"
    assert config["Labels"]["hodei.worker.id"] == str(worker.worker_id)
    assert config["Labels"]["hodei.expires-at"] == "2030-01-01T00:00:00+00:00"
    assert [mount["Destination"] for mount in document["Mounts"]] == ["/hodei"]
    assert not document["Mounts"][0]["RW"]


async def test_the_image_s_own_entrypoint_command_and_health_check_do_not_run(
    make_provider: MakeProvider, make_image: MakeImage, engine: Engine
) -> None:
    image = await make_image(
        Entrypoint=["/nowhere"],
        Cmd=["nothing"],
        Healthcheck={"Test": ["CMD", "/nowhere"]},
        WorkingDir="/srv",
        User="1234",
    )
    provider, worker = make_provider(), a_spec(image)
    await provider.create_worker(worker, OTP)
    document = await inspect(engine, worker)
    assert document["Path"].startswith("/hodei/")
    assert "nothing" not in document["Args"]
    assert "Health" not in document["State"]
    assert (document["Config"]["User"], document["Config"]["WorkingDir"]) == ("1234", "/srv")


@pytest.mark.parametrize(
    ("asked", "named", "configured", "expected"),
    [
        ("", "", "", "0"),
        ("", "root", "", "0"),
        ("", "0:7", "image", "0:7"),
        ("", "0:0", "1000:1000", "1000:1000"),
        ("", "77:88", "1000", "77:88"),
        ("5:6", "77:88", "1000", "5:6"),
        ("0", "77:88", "", "0"),
    ],
)
async def test_the_job_says_who_it_is_else_the_image_else_the_operator(
    make_provider: MakeProvider,
    make_image: MakeImage,
    engine: Engine,
    asked: str,
    named: str,
    configured: str,
    expected: str,
) -> None:
    provider = make_provider(user=configured)
    worker = a_spec(await make_image(User=named), user=asked)
    await provider.create_worker(worker, OTP)
    document = await inspect(engine, worker)
    assert document["Config"]["User"] == expected
    root = expected.partition(":")[0] in ("0", "root")
    assert len(document["HostConfig"]["CapAdd"] or ()) == (len(FEW) if root else 0)


@pytest.mark.parametrize("named", ["", "root", "0:7", "00"])
async def test_where_nobody_may_be_root_the_refusal_says_so(
    make_provider: MakeProvider, make_image: MakeImage, named: str
) -> None:
    provider, image = make_provider(require_non_root=True), await make_image(User=named)
    error = await refusal(provider, a_spec(image))
    assert (error.final, error.reason) == (True, "image-start")
    assert "is run as root" in error.message
    assert "HODEI_DOCKER_REQUIRE_NON_ROOT" in error.message
    assert "--user UID" in error.message
    assert await provider.list_workers() == []
    assert "--user UID" in (provider.why_not(DemandClass(image=image, user="0:5")) or "")
    assert provider.why_not(DemandClass(image=image, user="5")) is None
    await provider.create_worker(a_spec(image, user="5"), OTP)


async def test_a_number_without_an_account_gets_one_and_accounts_of_the_image_stay(
    make_provider: MakeProvider, engine: Engine
) -> None:
    provider, worker, known = make_provider(), a_spec(user="4711:4712"), a_spec(user="65534")
    for each in (worker, known):
        await provider.create_worker(each, OTP)
    passwd, group = [
        await engine.get_file(container_name(worker.worker_id), f"/etc/{name}")
        for name in ("passwd", "group")
    ]
    before = await engine.get_file(container_name(known.worker_id), "/etc/passwd")
    assert before is not None
    assert passwd == before + b"hodei:x:4711:4712::/:/bin/sh\n"
    assert (group or b"").endswith(b"hodei:x:4712:\n")


async def test_a_disk_that_turns_out_not_to_be_limited_is_said_to_be_so(
    make_provider: MakeProvider, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine_facts(await engine.get("info")).limits_disks:
        pytest.skip("this engine's storage driver has quotas")
    monkeypatch.setattr(facts, "_PERHAPS", ("overlay2", "extfs"))
    provider = make_provider()
    for _ in range(2):  # it is tried once
        worker = a_spec(resources=Resources(storage_mib=10))
        await provider.create_worker(worker, OTP)
        document = await inspect(engine, worker)
        assert not document["HostConfig"].get("StorageOpt")
        told = [each for each in document["Config"]["Env"] if each.startswith("HODEI_WORKER_DISK=not held")]
        assert "without pquota" in told[0]


async def test_an_image_without_tmp_gets_one(
    make_provider: MakeProvider, make_image: MakeImage, engine: Engine
) -> None:
    provider, worker = make_provider(), a_spec(await make_image())
    await provider.create_worker(worker, OTP)
    assert await engine.has_path(container_name(worker.worker_id), "/tmp")


async def test_where_no_volume_can_be_had_the_agent_is_copied(
    make_provider: MakeProvider, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_volume(*_: object) -> None:
        return None

    monkeypatch.setattr(Delivery, "volume", no_volume)
    provider, worker = make_provider(), a_spec()
    await provider.create_worker(worker, OTP)
    document = await inspect(engine, worker)
    assert document["Mounts"] == []
    assert document["State"]["Running"]


# --- how containers end ---


async def test_a_container_whose_memory_runs_out_says_so(
    make_provider: MakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Less than the 14 MiB that are an agent's own: with more it goes on, reading its files again and again.
    monkeypatch.setattr(convert, "AGENT_MIB", 6)
    provider, worker = make_provider(), a_spec(resources=Resources(memory_mib=4))
    async with hearing(provider) as heard:
        await provider.create_worker(worker, OTP)
        seen = await until(heard, worker, PresenceState.EXITED)
    assert seen.presence.reason.startswith("oom")
    assert seen.presence.exit_code == 137
    assert await provider.worker_status(worker.worker_id) == seen.presence


async def test_a_container_that_somebody_killed_says_so(make_provider: MakeProvider, engine: Engine) -> None:
    provider, worker = make_provider(), a_spec()
    async with hearing(provider) as heard:
        await provider.create_worker(worker, OTP)
        await until(heard, worker, PresenceState.RUNNING)
        await engine.post(f"containers/{container_name(worker.worker_id)}/kill", signal="KILL")
        seen = await until(heard, worker, PresenceState.EXITED)
    assert seen.presence.reason.startswith("killed: signal 9")
    assert await provider.worker_status(worker.worker_id) == seen.presence
    [found] = await provider.list_workers()
    assert found.presence == seen.presence


async def test_a_container_that_is_removed_by_hand_is_absent_at_once(
    make_provider: MakeProvider, engine: Engine
) -> None:
    provider, worker = make_provider(), a_spec()
    async with hearing(provider) as heard:
        await provider.create_worker(worker, OTP)
        await until(heard, worker, PresenceState.RUNNING)
        await engine.delete(f"containers/{container_name(worker.worker_id)}", force="1")
        await until(heard, worker, PresenceState.ABSENT)
    assert (await provider.worker_status(worker.worker_id)).state is PresenceState.ABSENT


async def test_an_agent_that_cannot_do_its_work_leaves_its_exit_code_and_its_words(
    make_provider: MakeProvider,
) -> None:
    provider, worker = make_provider(), a_spec()
    async with hearing(provider) as heard:
        await provider.create_worker(worker, " ")  # no password: the agent refuses to work
        seen = await until(heard, worker, PresenceState.EXITED)
    assert (seen.presence.exit_code, seen.presence.reason) == (64, "the agent ended with exit code 64")
    assert await provider.worker_logs(worker.worker_id, 1) == [
        "hodei-worker: HODEI_OTP_FILE='/.hodei-start/token': is empty"
    ]
    assert await provider.usage(worker.worker_id) is None


async def test_the_images_that_need_not_be_fetched_are_listed_by_name(make_provider: MakeProvider) -> None:
    images = await make_provider().list_images()
    assert BUSYBOX in images
    assert images == sorted(set(images))
    assert not any("<none>" in name for name in images)


async def test_what_a_container_uses_is_measured_from_outside(make_provider: MakeProvider) -> None:
    provider, worker = make_provider(), a_spec()
    await provider.create_worker(worker, OTP)
    usage = await provider.usage(worker.worker_id)
    assert usage is not None
    assert usage.memory_bytes > 0
    assert usage.cpu_cores > 0


# --- what cannot be made ---


async def test_a_user_that_the_image_does_not_know_fails_its_jobs_with_the_engine_s_words(
    make_provider: MakeProvider, make_image: MakeImage
) -> None:
    provider = make_provider()
    worker = a_spec(await make_image(User="nobody-knows"))
    error = await refusal(provider, worker)
    assert (error.final, error.reason) == (True, "image-start")
    assert "unable to find user nobody-knows" in error.message
    assert await provider.list_workers() == []


async def test_an_image_for_other_machines_fails_its_jobs(
    make_provider: MakeProvider, make_image: MakeImage
) -> None:
    other = await make_image(architecture="arm64")
    error = await refusal(make_provider(), a_spec(other))
    assert (error.final, error.reason) == (True, "image-architecture")
    assert "is for arm64" in error.message


async def test_a_stranger_with_the_worker_s_name_is_left_alone(
    make_provider: MakeProvider, engine: Engine
) -> None:
    provider, stranger = make_provider(), make_provider(installation=uuid4().hex)
    worker = a_spec()
    await stranger.create_worker(worker, OTP)
    error = await refusal(provider, worker)
    assert "is not of this installation" in error.message
    await provider.destroy_worker(worker.worker_id, NO_GRACE)
    assert (await stranger.worker_status(worker.worker_id)).state is PresenceState.RUNNING
    assert (await provider.worker_status(worker.worker_id)).state is PresenceState.ABSENT
    assert await provider.worker_logs(worker.worker_id, 10) == []


async def test_without_a_default_image_jobs_that_name_none_are_for_others(
    make_provider: MakeProvider,
) -> None:
    provider = make_provider(default_image="")
    assert "no default image" in (provider.why_not(ANY) or "")
    assert provider.why_not(DemandClass(image=BUSYBOX)) is None


async def test_a_default_image_that_cannot_be_had_is_not_offered_again_and_fails_no_job(
    make_provider: MakeProvider, make_image: MakeImage
) -> None:
    other = await make_image(architecture="arm64")
    provider = make_provider(default_image=other)
    assert provider.why_not(ANY) is None
    assert not (await refusal(provider, a_spec(""))).final
    assert "is for arm64" in (provider.why_not(ANY) or "")


async def test_what_the_machine_has_not_is_said_before_anything_is_made(make_provider: MakeProvider) -> None:
    provider = make_provider()
    await provider.look()
    wishes = [
        (Resources(memory_mib=2**30), "MiB of memory"),
        (Resources(cpu_cores=1000), "cores, not 1000"),
        (Resources(gpu=1), "no runtime for GPUs"),
        (Resources(architecture="arm64"), "not arm64"),
    ]
    for asked, words in wishes:
        assert words in (provider.why_not(DemandClass(image=BUSYBOX, resources=asked)) or "")


async def test_it_tells_what_the_engine_can_when_that_has_changed(make_provider: MakeProvider) -> None:
    provider = make_provider()
    told: list[Capabilities] = []
    provider.on_change = told.append
    assert provider.capabilities.max_resources.memory_mib == 0  # nobody has asked the engine yet
    await provider.look()
    await provider.look()
    assert told == [provider.capabilities]
    assert provider.capabilities.max_resources.memory_mib > 0


# --- servers that die, and engines that are away ---


async def test_a_container_that_was_never_started_is_seen_and_made_anew(
    make_provider: MakeProvider, engine: Engine
) -> None:
    dead, heir, worker = make_provider(), make_provider(), a_spec()
    await dead.create_worker(worker, OTP)  # then as if it had died before the start
    body = {"Image": BUSYBOX, "Labels": (await inspect(engine, worker))["Config"]["Labels"]}
    await engine.delete(f"containers/{container_name(worker.worker_id)}", force="1")
    made = await engine.post("containers/create", body, name=container_name(worker.worker_id))
    [found] = await heir.list_workers()
    assert (found.worker_id, found.presence.state) == (worker.worker_id, PresenceState.STARTING)
    assert (await heir.worker_status(worker.worker_id)).state is PresenceState.ABSENT
    await heir.create_worker(worker, OTP)
    document = await inspect(engine, worker)
    assert document["State"]["Running"]
    assert document["Id"] != made["Id"]


async def test_a_container_that_was_never_started_can_be_destroyed(
    make_provider: MakeProvider, engine: Engine
) -> None:
    provider, worker = make_provider(), a_spec()
    await provider.create_worker(worker, OTP)
    body = {"Image": BUSYBOX, "Labels": (await inspect(engine, worker))["Config"]["Labels"]}
    await engine.delete(f"containers/{container_name(worker.worker_id)}", force="1")
    await engine.post("containers/create", body, name=container_name(worker.worker_id))
    await provider.destroy_worker(worker.worker_id, timedelta(seconds=5))
    assert await provider.list_workers() == []


async def test_another_server_of_the_installation_sees_the_same_workers(make_provider: MakeProvider) -> None:
    first, second, worker = make_provider(), make_provider(), a_spec()
    await asyncio.gather(first.create_worker(worker, OTP), second.create_worker(worker, OTP))
    assert [found.worker_id for found in await second.list_workers()] == [worker.worker_id]


@pytest.mark.slow
async def test_two_processes_that_fill_the_volume_at_once_fill_one(
    engine: Engine, bundles: Path, socket_path: str, make_provider: MakeProvider
) -> None:
    digest = uuid4().hex[:16]
    name = f"hodei-agent-{digest}-amd64"
    program = f"""
import asyncio
from pathlib import Path
from hodei_agent_bundle import Bundle
from hodei_infrastructure.docker.delivery import Delivery
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.facts import engine_facts

async def main():
    engine = Engine("unix://{socket_path}")
    found = await Delivery(engine, Path({str(bundles)!r})).bundle("amd64")
    bundle = Bundle(digest="{digest}", architecture="amd64", archive=found.archive, size=found.size)
    print(await Delivery(engine, Path("/nowhere")).volume(bundle, "{BUSYBOX}"))
    await engine.close()

asyncio.run(main())
"""
    await Delivery(engine, bundles).bundle("amd64")
    fillers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
        for _ in range(3)
    ]
    try:
        said = [(await filler.communicate())[0].decode().strip() for filler in fillers]
        assert said == [name] * 3
        left = await engine.get("containers/json", all="1")
        assert not [each for each in left if name in str(each["Names"])]
    finally:
        await engine.delete(f"volumes/{name}")


async def test_an_engine_that_is_not_there_is_said_to_be_away_and_nothing_is_gone(
    make_provider: MakeProvider, tmp_path: Path
) -> None:
    provider, worker = make_provider(socket_path=str(tmp_path / "none.sock")), a_spec()
    health = await provider.check_health()
    assert not health.healthy
    assert "none.sock does not exist; start Docker" in health.message
    for call in (
        provider.create_worker(worker, OTP),
        provider.worker_status(worker.worker_id),
        provider.destroy_worker(worker.worker_id, NO_GRACE),
        provider.list_workers(),
    ):
        with pytest.raises(ProviderUnavailable, match=r"none\.sock"):
            await call
    with pytest.raises(ProviderUnavailable):
        await anext(provider.events())
