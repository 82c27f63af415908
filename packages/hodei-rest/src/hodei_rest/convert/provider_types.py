"""What a form may ask for, by type of provider."""

from __future__ import annotations

from hodei_rest.schemas.providers import ProviderTypeInfo, Setting

_DOCKER = [
    Setting(
        name="socket_path",
        label="Engine",
        kind="text",
        default="unix:///var/run/docker.sock",
        help="unix:///path or tcp://host:port of a Docker engine",
    ),
    Setting(
        name="default_image",
        label="Image of workers",
        kind="text",
        default="",
        help="For jobs that name no image; empty is what is usual",
    ),
    Setting(
        name="network_mode", label="Network", kind="text", default="bridge", help="A network of the engine"
    ),
    Setting(
        name="dns_servers", label="DNS servers", kind="list", default=None, help="IP addresses, for workers"
    ),
    Setting(
        name="labels", label="Labels", kind="labels", default=None, help="Put on each container, for you"
    ),
    Setting(
        name="user",
        label="User",
        kind="text",
        default="",
        help="UID or UID:GID of jobs that ask for none in images that would be root; else the image says",
    ),
    Setting(
        name="require_non_root",
        label="Nothing runs as root",
        kind="flag",
        default=False,
        help="Jobs that ask for root, or whose image does, are refused",
    ),
    Setting(
        name="server",
        label="Control plane",
        kind="text",
        default="",
        help="host:port that workers are to dial; empty is found out",
    ),
    Setting(
        name="pids_limit",
        label="Processes",
        kind="number",
        default=1024,
        help="Processes and threads of one worker, its job included: 16 to 4000000",
    ),
]

TYPES = [ProviderTypeInfo(type="DOCKER", label="Docker", available=True, settings=_DOCKER)]
"""Those that can be registered; another comes with a plug-in, as docs/how-to/write-a-provider.md tells."""
