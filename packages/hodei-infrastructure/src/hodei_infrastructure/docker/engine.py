"""A Docker engine, by its HTTP API. The one module that knows aiodocker."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from attrs import define, field

from hodei_infrastructure.docker.archive import content_of
from hodei_infrastructure.docker.errors import EngineRefused, unreachable

if TYPE_CHECKING:
    from aiodocker import Docker
    from aiohttp import ClientResponse

ANSWERS_WITHIN = 60.0
"""Seconds for one call. Removing a container with much in it takes the longest."""

CONNECTS_WITHIN = 5.0
UNANSWERED = 900
"""The status that aiodocker gives where there was no answer."""


@define(eq=False)
class Engine:
    """The engine at `address`: unix:///path or tcp://host:port.

    It is connected to at the first call, and aiodocker, which takes 0.2 s to import, is imported then. All
    calls raise ProviderUnavailable if nothing answers, and EngineRefused, which is one, for a refusal.
    """

    address: str
    _client: Docker | None = field(default=None, init=False)

    async def close(self) -> None:
        """Close all connections. A later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def get(self, path: str, *, within: float = ANSWERS_WITHIN, **params: Any) -> Any:
        """A JSON document."""
        return await self._ask("GET", path, params, within=within)

    async def find(self, path: str) -> Any:
        """A JSON document, None if the engine has no such thing."""
        try:
            return await self.get(path)
        except EngineRefused as refused:
            if refused.status != 404:
                raise
            return None

    async def post(
        self, path: str, body: Any = None, *, within: float = ANSWERS_WITHIN, **params: Any
    ) -> Any:
        """What a POST answers: a JSON document, None if it is empty."""
        return await self._ask("POST", path, params, None if body is None else json.dumps(body), within)

    async def delete(self, path: str, **params: Any) -> None:
        """Remove something."""
        await self._ask("DELETE", path, params)

    async def read(self, path: str, **params: Any) -> bytes:
        """What a GET answers, as it is."""
        async with self._call("GET", path, params) as response:
            return await response.read()

    async def has_path(self, container: str, path: str) -> bool:
        """Whether there is such a path in a container, started or not."""
        with self._translated():
            from aiohttp import ClientTimeout

            client = self._connected()
            await client._check_version()
            # aiodocker reads a refusal as JSON, and to a HEAD there is none.
            url = client._canonicalize_url(f"containers/{container}/archive")
            within = ClientTimeout(total=ANSWERS_WITHIN, sock_connect=CONNECTS_WITHIN)
            async with client.session.head(url, params={"path": path}, timeout=within) as response:
                if response.status not in (200, 404):
                    raise EngineRefused(response.status, f"cannot look for {path}: {response.reason}")
                return response.status == 200

    async def get_file(self, container: str, path: str) -> bytes | None:
        """The content of a plain file in a container, started or not; None if there is no such thing."""
        try:
            async with self._call("GET", f"containers/{container}/archive", {"path": path}) as response:
                packed = await response.read()
        except EngineRefused as refused:
            if refused.status != 404:
                raise
            return None
        return content_of(packed)

    async def put_archive(self, container: str, path: str, archive: bytes) -> None:
        """Unpack a tar archive below a directory that exists in a container, started or not."""
        params = {"path": path}
        kind = {"Content-Type": "application/x-tar"}
        content = io.BytesIO(archive)
        async with self._call("PUT", f"containers/{container}/archive", params, content, headers=kind):
            pass

    async def stream(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
        **params: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        """JSON documents as they come, until the engine has said all, or raises EngineRefused within.

        An engine that says nothing for `silence` seconds counts as one that does not answer.
        """
        call = self._call(method, path, params, within=None, headers=headers, silence=silence)
        async with call as response:
            async for line in response.content:
                if line.strip():
                    document = json.loads(line)
                    if "error" in document:
                        raise EngineRefused(0, str(document["error"]))
                    yield document

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        body: str | None = None,
        within: float = ANSWERS_WITHIN,
    ) -> Any:
        async with self._call(method, path, params, body, within) as response:
            content = await response.read()
            return json.loads(content) if content.strip() else None

    @asynccontextmanager
    async def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any],
        body: BinaryIO | str | None = None,
        within: float | None = ANSWERS_WITHIN,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
    ) -> AsyncIterator[ClientResponse]:
        with self._translated():
            from aiohttp import ClientTimeout

            told = {key: value for key, value in params.items() if value is not None}
            # Half of what is needed (one-shot stats, raw logs) has no public method.
            async with self._connected()._query(
                path,
                method,
                params=told,
                data=body,
                headers=headers,
                timeout=ClientTimeout(total=within, sock_connect=CONNECTS_WITHIN, sock_read=silence),
            ) as response:
                try:
                    yield response
                finally:
                    response.close() if within is None else response.release()

    def _connected(self) -> Docker:
        if self._client is None:
            from aiodocker import Docker

            self._client = Docker(url=self.address)
        return self._client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from aiodocker import DockerError
        from aiohttp import ClientError

        try:
            yield
        except DockerError as error:
            if error.status == UNANSWERED:
                raise unreachable(self.address, error.message) from error
            raise EngineRefused(error.status, error.message) from error
        except (TimeoutError, ClientError, OSError, ValueError) as error:
            detail = str(error) or "it took too long"
            raise unreachable(self.address, detail) from error


def filters(**wanted: str) -> str:
    """Filters as the engine reads them."""
    return json.dumps({name: [value] for name, value in wanted.items()})
