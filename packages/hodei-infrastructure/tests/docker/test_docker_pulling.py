"""Getting images, from a small registry of the test's own on loopback, which engines need no TLS for."""

from __future__ import annotations

import asyncio
import base64
import gzip
import http.server
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from hodei_domain.kernel.values import PullPolicy
from hodei_domain.providers.errors import WorkerNotCreated
from hodei_domain.providers.records import PresenceState
from hodei_infrastructure.docker.archive import Entry, archive
from hodei_infrastructure.docker.credentials import Credentials
from hodei_infrastructure.docker.engine import Engine
from hodei_infrastructure.docker.errors import EngineRefused, pull_refusal
from hodei_infrastructure.docker.provider import DockerProvider
from hodei_infrastructure.docker.pulling import Images, Progress
from hodei_infrastructure.docker.testing import MakeProvider, a_spec

ALWAYS, IF_ABSENT, NEVER = PullPolicy.ALWAYS, PullPolicy.IF_NOT_PRESENT, PullPolicy.NEVER
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
PATIENCE = 30.0


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


class Registry:
    """Serves one image under every name. `status` refuses everything, `password` asks for one, and layers
    wait for `go`.
    """

    def __init__(self) -> None:
        layer = archive([Entry(name="made", mode=0o644, content=uuid4().bytes * 4096)])
        packed = gzip.compress(layer)
        about = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
            }
        ).encode()
        parts = (("application/vnd.docker.container.image.v1+json", about),)
        parts += (("application/vnd.docker.image.rootfs.diff.tar.gzip", packed),)
        described = [{"mediaType": kind, "size": len(c), "digest": digest(c)} for kind, c in parts]
        self.manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
        ).encode()
        self.blobs = {digest(content): content for _, content in parts}
        self.layer = digest(packed)
        self.status = 200
        self.password = ""
        self.manifests = 0  # how often one was asked for
        self.asked_for_layer = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.host = f"127.0.0.1:{self.server.server_address[1]}"

    def answer(self, path: str, authorization: str) -> tuple[int, str, bytes]:
        if self.status != 200:
            return self.status, "text/plain", b"out of order"
        wanted = base64.b64encode(f"ana:{self.password}".encode()).decode()
        if self.password and authorization != f"Basic {wanted}":
            return 401, "application/json", b'{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}'
        if path == "/v2/":
            return 200, "application/json", b"{}"
        kind, name = path.split("/")[-2:]
        if kind == "manifests" and "missing" not in path:
            self.manifests += 1
            return 200, MANIFEST, self.manifest
        if kind == "blobs" and name in self.blobs:
            if name == self.layer:
                self.asked_for_layer.set()
                self.go.wait(PATIENCE)
            return 200, "application/octet-stream", self.blobs[name]
        return (
            404,
            "application/json",
            b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
        )


def _handler(registry: Registry) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, kind, body = registry.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", digest(body))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.end_headers()
            if self.command == "GET":
                with suppress(OSError):  # an engine that has given up
                    self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    thread = threading.Thread(target=registry.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield registry
    registry.go.set()
    registry.server.shutdown()
    thread.join()
    registry.server.server_close()


@pytest.fixture
async def name(engine: Engine, registry: Registry) -> AsyncIterator[str]:
    """A name of the registry's image that nobody has used."""
    name = f"{registry.host}/made/{uuid4().hex}:1"
    yield name
    with suppress(EngineRefused):
        await engine.delete(f"images/{name}", force="1")


@pytest.fixture
async def images(engine: Engine, tmp_path: Path) -> AsyncIterator[Images]:
    images = Images(engine, Credentials(tmp_path / "config.json"))
    yield images
    await images.close()


async def refusal(images: Images, name: str, policy: PullPolicy = IF_ABSENT) -> WorkerNotCreated:
    with pytest.raises(WorkerNotCreated) as caught:
        await images.get(name, policy, ignore)
    return caught.value


def ignore(_: str) -> None:
    pass


def heard() -> tuple[list[str], Callable[[str], None]]:
    said: list[str] = []
    return said, said.append


async def test_an_image_that_is_absent_is_pulled_and_one_that_is_there_is_not(
    images: Images, registry: Registry, name: str
) -> None:
    said, tell = heard()
    pulled = await images.get(name, IF_ABSENT, tell)
    assert said[0].startswith(f"pulling {name}")
    asked = registry.manifests
    again, tell_again = heard()
    assert await images.get(name, IF_ABSENT, tell_again) == pulled
    assert (registry.manifests, again) == (asked, [])


async def test_one_that_is_always_to_be_pulled_is_asked_for_each_time(
    images: Images, registry: Registry, name: str
) -> None:
    await images.get(name, IF_ABSENT, ignore)
    asked = registry.manifests
    await images.get(name, ALWAYS, ignore)
    assert registry.manifests > asked


async def test_one_that_is_never_to_be_pulled_is_not(images: Images, registry: Registry, name: str) -> None:
    error = await refusal(images, name, NEVER)
    assert (error.final, error.reason, registry.manifests) == (True, "image-pull", 0)
    await images.get(name, IF_ABSENT, ignore)
    await images.get(name, NEVER, ignore)


async def test_workers_that_want_the_same_image_share_one_pull_and_hear_of_it(
    images: Images, registry: Registry, name: str
) -> None:
    registry.go.clear()
    told = [heard() for _ in range(3)]
    waiting = [asyncio.create_task(images.get(name, IF_ABSENT, tell)) for _, tell in told]
    assert await asyncio.to_thread(registry.asked_for_layer.wait, PATIENCE)
    late, tell = heard()
    waiting.append(asyncio.create_task(images.get(name, IF_ABSENT, tell)))
    waiting[0].cancel()  # one that gives up does not take the others along
    registry.go.set()
    _, *found = await asyncio.gather(*waiting, return_exceptions=True)
    assert len(set(map(str, found))) == 1
    assert all(said and said[0].startswith("pulling") for said, _ in told)
    assert late


async def test_an_image_that_the_registry_does_not_have_is_final_in_its_words(
    images: Images, registry: Registry
) -> None:
    error = await refusal(images, f"{registry.host}/missing:1")
    assert (error.final, error.reason) == (True, "image-pull")
    assert "manifest unknown" in error.message


async def test_a_registry_that_is_out_of_order_may_be_well_later(
    images: Images, registry: Registry, name: str
) -> None:
    registry.status = 503
    error = await refusal(images, name)
    assert (error.final, error.reason) == (False, "image-pull")
    registry.status = 200
    await images.get(name, IF_ABSENT, ignore)


async def test_a_registry_that_is_not_there_may_come(images: Images) -> None:
    error = await refusal(images, "127.0.0.1:1/made:1")
    assert not error.final
    assert "connection refused" in error.message


async def test_what_is_no_name_of_an_image_reaches_no_engine(images: Images) -> None:
    for text in ("../containers/json?all=1", "UPPER", ""):
        error = await refusal(images, text)
        assert (error.final, error.reason) == (True, "image-pull")


async def test_credentials_open_a_registry_and_without_them_it_says_no(
    images: Images, registry: Registry, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry.password = "hunter2"
    error = await refusal(images, name)
    assert error.final
    assert "who are you" in error.message or "no basic auth credentials" in error.message
    pair = base64.b64encode(b"ana:hunter2").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": pair}}}))
    await images.get(name, IF_ABSENT, ignore)
    assert "hunter2" not in caplog.text
    assert pair not in caplog.text


async def test_a_worker_tells_that_its_image_is_being_pulled(
    make_provider: MakeProvider, registry: Registry, name: str
) -> None:
    provider: DockerProvider = make_provider()
    registry.go.clear()
    creating = asyncio.create_task(provider.create_worker(a_spec(name), "otp"))
    async with asyncio.timeout(PATIENCE):
        sighting = await anext(provider.events())
    assert sighting.presence.state is PresenceState.STARTING
    assert sighting.message == f"pulling {name}"
    registry.go.set()
    await creating


async def test_a_server_that_dies_while_it_pulls_leaves_nothing_and_the_next_one_makes_the_worker(
    make_provider: MakeProvider, registry: Registry, name: str
) -> None:
    dying, heir, worker = make_provider(), make_provider(), a_spec(name)
    registry.go.clear()
    creating = asyncio.create_task(dying.create_worker(worker, "otp"))
    assert await asyncio.to_thread(registry.asked_for_layer.wait, PATIENCE)
    creating.cancel()
    await asyncio.gather(creating, return_exceptions=True)
    await dying.close()
    assert await heir.list_workers() == []
    assert (await heir.worker_status(worker.worker_id)).state is PresenceState.ABSENT
    registry.go.set()
    await heir.create_worker(worker, "another otp")
    assert (await heir.worker_status(worker.worker_id)).state is PresenceState.RUNNING


def test_progress_adds_up_the_layers() -> None:
    progress = Progress()
    assert str(progress) == ""
    progress.take({"status": "Downloading", "id": "a", "progressDetail": {"current": 1, "total": 2 * 2**20}})
    progress.take({"status": "Downloading", "id": "b", "progressDetail": {"current": 2**20, "total": 2**21}})
    assert str(progress) == ": 25 % of 4.0 MiB"
    progress.take({"status": "Download complete", "id": "a"})
    assert str(progress) == ": 75 % of 4.0 MiB"
    progress.take({"status": "Pull complete", "id": "b"})
    progress.take({"status": "Extracting", "id": "a"})
    assert str(progress) == ": unpacking 4.0 MiB"


@pytest.mark.parametrize(
    ("words", "final"),
    [
        ('error parsing HTTP 403 response body: unexpected end of JSON input: ""', True),
        ("error parsing HTTP 404 response body: invalid character '<' looking for beginning of value", True),
        ('error parsing HTTP 429 response body: unexpected end of JSON input: ""', False),
        ("received unexpected HTTP status: 503 Service Unavailable", False),
        ("unauthorized: authentication required", True),
        ("toomanyrequests: You have reached your pull rate limit", False),
        ("dial tcp 127.0.0.1:1: connect: connection refused", False),
    ],
)
def test_a_registry_s_answer_is_final_by_its_status_whatever_the_body_is(words: str, final: bool) -> None:
    error = pull_refusal("x:1", EngineRefused(500, words))
    assert (error.final, error.reason) == (final, "image-pull")
    assert error.message == f"cannot pull x:1: {words}"
