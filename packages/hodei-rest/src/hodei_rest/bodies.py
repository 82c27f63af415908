"""Bodies of requests, read as their routes declare them."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.handlers import HTTPRouteHandler


class StrictRequest(Request[Any, Any, Any]):
    """A request whose body is taken at its word: 0 is no boolean and "5" no number.

    The framework converts bodies as it does parameters, which are texts.
    """

    async def json(self) -> Any:
        """The body as what its route takes. Raises msgspec.MsgspecError."""
        handler = self.route_handler
        field = handler.parsed_data_field if isinstance(handler, HTTPRouteHandler) else None
        if field is None:
            return await super().json()
        try:
            return msgspec.json.decode(await self.body(), type=field.annotation)
        except UnicodeDecodeError as error:  # the decoder finds that out at last, within a text
            raise msgspec.DecodeError(f"byte {error.start} of a text is not UTF-8") from None
