"""A real Docker engine for these tests, and a registry."""

from hodei_infrastructure.docker.testing import (  # noqa: F401
    bundles,
    engine,
    make_image,
    make_provider,
    socket_path,
)
