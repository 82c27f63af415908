"""Jobs in images, from the command line to a real engine and back; and nothing is left of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest
from bounded import next_line

pytestmark = pytest.mark.e2e

BUSYBOX, PYTHON = "hodei-test/busybox:1", "hodei-test/python:3.11"
ON = {"HODEI_DOCKER_ENABLED": "1", "HODEI_PROCESS_ENABLED": "0", "HODEI_WORKER_IDLE_TTL": "1s"}


@pytest.fixture(scope="module")
def platform(shared_machine: Any, engine: Any) -> Iterator[Any]:
    """A platform whose only workers are containers."""
    shared_machine.up(**ON)
    yield shared_machine
    engine.until_none(shared_machine.place)  # idle for a second, they go by themselves


@pytest.mark.parametrize(
    ("image", "words", "said"),
    [
        (BUSYBOX, ["echo", "hi there"], "hi there"),
        (BUSYBOX, ["sh", "-c", "id -u"], "0"),
        ("hodei-test/distroless:1", ["/app/hello", "you"], "hello from distroless you"),
        ("hodei-test/debian:12", ["sh", "-c", "echo $HODEI_JOB_NAME"], "sh"),
        (PYTHON, ["python", "-c", "print(6 * 7)"], "42"),
    ],
)
def test_a_job_runs_in_its_image(platform: Any, image: str, words: list[str], said: str) -> None:
    done = platform.run("run", "--image", image, "--", *words)
    assert (done.status, done.out.decode().strip()) == (0, said), done.err


DEBIAN = "hodei-test/debian:12"
# As a package manager does: gives a file away, becomes its new owner, takes it back, removes it.
LIKE_APT = """set -e
install -d -o 33 -g 33 -m 700 /etc/x /var/lib/x
install -o 33 -m 600 /etc/hostname /var/lib/x/y
echo more >> /var/lib/x/y
setpriv --reuid=33 --regid=33 --clear-groups sh -c 'test -w /var/lib/x/y && id -u'
chmod 4755 /var/lib/x/y && chown 0:0 /var/lib/x/y && rm -r /var/lib/x /etc/x
grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status
"""


def test_root_of_an_image_may_do_what_package_managers_do_and_no_more(platform: Any) -> None:
    done = platform.run("run", "--image", DEBIAN, "--shell", LIKE_APT)
    assert done.status == 0, done.err
    said = dict(line.split(":\t") for line in done.out.decode().splitlines() if ":" in line)
    few = f"{sum(1 << number for number in (0, 1, 3, 4, 5, 6, 7, 10, 18, 31)):016x}"  # capabilities(7)
    assert done.out.startswith(b"33\n")
    assert said == {"CapEff": few, "CapBnd": few, "NoNewPrivs": "1"}


@pytest.mark.parametrize(
    ("user", "line", "said"),
    [
        ("4711:4712", "id -u; id -g; whoami", "4711 4712 hodei"),
        ("0", "id -u; whoami", "0 root"),
        ("65534", "whoami", "nobody"),
    ],
)
def test_a_job_is_who_it_asks_to_be_and_has_a_name(platform: Any, user: str, line: str, said: str) -> None:
    done = platform.run("run", "--image", BUSYBOX, "--user", user, "--shell", line)
    assert (done.status, done.out.decode().split()) == (0, said.split()), done.err


def test_a_volume_of_the_image_can_be_written_to_by_its_user(platform: Any, engine: Any) -> None:
    for user in ("", "USER 4711"):
        image = engine.image(BUSYBOX, "VOLUME /data", user)
        done = platform.run("run", "--image", image, "--shell", "id -u && ls -ld /data && touch /data/x")
        assert (done.status == 0) is (not user), (done.out, done.err)  # as with docker run


def test_an_entrypoint_runs_only_where_it_is_asked_for(platform: Any, engine: Any) -> None:
    image = engine.image(BUSYBOX, 'ENTRYPOINT ["/bin/echo", "by the image:"]')
    cases = {
        (): "plain",
        ("--entrypoint", "image"): "by the image: echo plain",
        ("--entrypoint", "/bin/echo 'by me:'"): "by me: echo plain",
    }
    for options, said in cases.items():
        done = platform.run("run", "--image", image, *options, "--", "echo", "plain")
        assert (done.status, done.out.decode().strip()) == (0, said), done.err
    line = platform.run("run", "--image", image, "--entrypoint", "image", "--shell", "exit 3")
    assert (line.status, line.out.decode().strip()) == (0, "by the image: /bin/sh -c exit 3")


def test_the_image_s_entrypoint_without_an_image_is_refused(platform: Any) -> None:
    done = platform.run("run", "--entrypoint", "image", "--", "true")
    assert done.status == 64
    assert "entrypoint" in done.err.decode()


def test_a_user_that_cannot_be_is_refused_with_the_option_s_name(platform: Any) -> None:
    done = platform.run("run", "--image", BUSYBOX, "--user", "me", "--", "true")
    assert done.status == 64
    assert "user" in done.err.decode()
    assert "UID:GID" in done.err.decode()


def test_its_exit_code_and_its_two_streams_come_back_apart(platform: Any) -> None:
    done = platform.run("run", "--image", BUSYBOX, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.status, done.out) == (7, b"out\n")
    assert b"err\n" in done.err


def test_a_job_sees_nothing_of_the_agent_s(platform: Any) -> None:
    said = platform.run("run", "--image", BUSYBOX, "--", "env").out.decode()
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert {"HODEI_JOB_ID", "HODEI_ATTEMPT"} <= names
    assert not {"HODEI_OTP_FILE", "HODEI_OTP_TOKEN", "HODEI_SERVER", "HODEI_WORKER_DIR"} & names


def test_a_job_that_takes_more_memory_than_it_asked_for_ends_as_out_of_memory(
    platform: Any, engine: Any
) -> None:
    engine.until_none(platform.place)
    for taken in (110, 130):
        program = f"x = bytearray({taken} << 20)"
        words = ("run", "--image", PYTHON, "--memory", "64Mi", "--", "python", "-c", program)
        done = platform.run(*words)
        assert done.status == 137
        assert "oom" in done.err.decode()
        assert "more than its 64 MiB of memory" in done.err.decode()
    within = ("run", "--image", PYTHON, "--memory", "64Mi", "--", "python", "-c", "x = bytearray(48 << 20)")
    assert platform.run(*within).status == 0


def test_what_holds_the_disk_is_told_and_short_jobs_have_their_usage(platform: Any) -> None:
    words = ("--image", PYTHON, "--disk", "10Mi", "--", "python", "-c", "x = bytearray(70 << 20)")
    job = platform.run("job", "queue", *words).out.decode().strip()
    assert platform.run("job", "watch", job).status == 0
    told = json.loads(platform.run("job", "get", job, "-o", "json").out)
    assert "disk 10 MiB " in told["attempts"][0]["limits"]
    assert "held" in told["attempts"][0]["limits"]


def test_what_is_no_image_fails_at_once_and_says_why(platform: Any) -> None:
    done = platform.run("run", "--image", "127.0.0.1:5000/No/Image", "--", "true")
    assert done.status != 0
    assert "is no name of an image" in done.err.decode()


def test_more_memory_than_the_machine_has_is_never_provisioned_and_says_why(platform: Any) -> None:
    job = platform.run("job", "queue", "--image", BUSYBOX, "--memory", "1000000000", "--", "true").out
    told = json.loads(platform.run("job", "get", job.decode().strip(), "-o", "json").out)
    assert "MiB of memory" in json.dumps(told)
    assert platform.run("job", "cancel", job.decode().strip()).status == 0


def test_a_container_that_is_removed_by_hand_costs_its_job_an_attempt(platform: Any, engine: Any) -> None:
    running = platform.start("run", "--image", BUSYBOX, "--", "sh", "-c", "echo $HODEI_ATTEMPT; sleep 3")
    first = next_line(running.stdout)
    for container in engine.workers(platform.place):
        engine.call("DELETE", f"/containers/{container['Id']}?force=1")
    out, err = running.communicate(timeout=60)
    assert (running.returncode, first, out) == (0, b"1\n", b"2\n"), err


@pytest.mark.slow
def test_a_server_that_is_killed_while_it_makes_containers_leaves_no_orphan(
    machine: Any, engine: Any
) -> None:
    machine.up(**ON)
    server = machine.servers()[0]
    jobs = [
        machine.run("job", "queue", "--image", BUSYBOX, "--", "echo", str(n)).out.decode().strip()
        for n in range(4)
    ]
    engine.until(machine.place, lambda found: found)  # the first is there, perhaps not yet started
    server.send_signal(signal.SIGKILL)
    server.wait(timeout=60)
    machine.up(**ON)
    assert [machine.run("job", "watch", job).status for job in jobs] == [0] * 4
    engine.until_none(machine.place)


@pytest.mark.slow
def test_without_an_image_it_runs_in_the_default_one_in_a_directory_of_its_own(
    machine: Any, engine: Any, tmp_path: Path
) -> None:
    machine.up(**ON | {"HODEI_WORKER_IMAGE": "hodei-test/debian:12"})
    done = machine.run("run", "--", "sh", "-c", "echo hi; pwd", cwd=tmp_path)
    said, where = done.out.decode().splitlines()
    assert (done.status, said) == (0, "hi"), done.err
    assert where != str(tmp_path)
    machine.interrupt()
    machine.up(**ON | {"HODEI_WORKER_IMAGE": "hodei-test/debian:12", "HODEI_PROCESS_ENABLED": "1"})
    inside = ("sh", "-c", "cat /proc/sys/kernel/hostname; pwd")
    contained = machine.run("run", "--provider", "docker", "--", *inside, cwd=tmp_path).out.decode().split()
    assert contained[0] != gethostname()
    assert contained[1] != str(tmp_path)
    here = machine.run("run", "--provider", "process", "--", *inside, cwd=tmp_path).out.decode().split()
    assert here == [gethostname(), str(tmp_path)]
    engine.until_none(machine.place)


@pytest.mark.slow
def test_without_an_image_and_a_default_one_it_waits_for_docker_and_says_why(machine: Any) -> None:
    machine.up(**ON | {"HODEI_PROCESS_ENABLED": "1"})
    assert machine.run("run", "--", "true").status == 0
    id = machine.run("run", "--detach", "--provider", "docker", "--", "true").out.decode().strip()
    told = json.loads(machine.run("job", "get", id, "-o", "json").out)
    assert told["state"] == "PENDING"
    assert "default image" in told["waiting_for"]["docker"]
    assert told["waiting_for"]["process"] == "the job wants provider docker"
