"""Credentials for registries, from where `docker login` keeps them. They appear in no log and no error."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import os
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import field, frozen

from hodei_infrastructure.docker.reference import Reference

log = logging.getLogger("hodei.docker")

HELPER_ANSWERS_WITHIN = 15.0
_HELPER = re.compile(r"[A-Za-z0-9_.-]+")
_BY_TOKEN = "<token>"  # noqa: S105  # what a helper says instead of a user's name


def default_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Docker's configuration file: in DOCKER_CONFIG, else in ~/.docker."""
    folder = environ.get("DOCKER_CONFIG") or os.path.join(environ.get("HOME") or "~", ".docker")
    return Path(folder).expanduser() / "config.json"


@frozen
class Credentials:
    """Reads the file each time, so that a `docker login` counts from the next pull on."""

    _file: Path = field(factory=default_file)

    async def header(self, reference: Reference) -> dict[str, str]:
        """The header that a pull of this image needs; empty for one without credentials."""
        found = await self._find(reference.credentials)
        if not found:
            return {}
        document = json.dumps({**found, "serveraddress": reference.credentials}).encode()
        return {"X-Registry-Auth": base64.urlsafe_b64encode(document).decode()}

    async def _find(self, registry: str) -> dict[str, str]:
        config = await asyncio.to_thread(self._read)
        helper = _mapping(config.get("credHelpers")).get(registry) or config.get("credsStore")
        if helper:
            return await self._ask(str(helper), registry)
        entries = _mapping(config.get("auths"))
        names = (registry, f"https://{registry}", f"http://{registry}", f"https://{registry}/v1/")
        return next((_told(_mapping(entries[name])) for name in names if name in entries), {})

    def _read(self) -> dict[str, Any]:
        try:
            config = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("%s cannot be read, so images are pulled without credentials: %s", self._file, error)
            return {}
        return dict(_mapping(config))

    async def _ask(self, helper: str, registry: str) -> dict[str, str]:
        program = f"docker-credential-{helper}"
        if not _HELPER.fullmatch(helper):
            log.warning("%s names a credential helper that is no name of a program", self._file)
            return {}
        try:
            process = await asyncio.create_subprocess_exec(
                program, "get", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
            )
        except OSError as error:
            log.warning("%s cannot be run for credentials: %s", program, error.strerror)
            return {}
        try:
            async with asyncio.timeout(HELPER_ANSWERS_WITHIN):
                answer, _ = await process.communicate(registry.encode())
        except TimeoutError:
            log.warning("%s gave no credentials within %g s", program, HELPER_ANSWERS_WITHIN)
            return {}
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:  # as for a registry that it does not know
            log.debug("%s has no credentials for %s", program, registry)
            return {}
        return _answered(answer, program)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _answered(answer: bytes, program: str) -> dict[str, str]:
    try:
        told = _mapping(json.loads(answer))
    except ValueError:
        log.warning("%s does not answer as a credential helper", program)
        return {}
    name, secret = str(told.get("Username", "")), str(told.get("Secret", ""))
    if not secret:
        return {}
    return {"identitytoken": secret} if name == _BY_TOKEN else {"username": name, "password": secret}


def _told(entry: Mapping[str, Any]) -> dict[str, str]:
    if entry.get("identitytoken"):
        return {"identitytoken": str(entry["identitytoken"])}
    if entry.get("auth"):
        try:
            pair = base64.b64decode(str(entry["auth"])).decode()
        except (binascii.Error, UnicodeDecodeError):
            log.warning("Docker's configuration file has an entry whose `auth` cannot be read")
            return {}
        name, _, secret = pair.partition(":")
        return {"username": name, "password": secret.rstrip("\0")}
    if entry.get("username"):
        return {"username": str(entry["username"]), "password": str(entry.get("password", ""))}
    return {}
