"""What the dashboard's types are made from: the resources of the OpenAPI document, without its prose.

scripts/web_schema.py         the document, for openapi-typescript
scripts/web_schema.py hash    its hash, which stands in the first line of web/src/api/schema.ts
"""

import hashlib
import json
import sys
from typing import Any

from hodei_rest.app import ROUTES
from hodei_rest.openapi import document

_PROSE = ("description", "summary", "examples", "title")


def resources() -> str:
    """JSON, the same for the same resources whatever is said about them."""
    schemas = json.loads(document(ROUTES))["components"]["schemas"]
    told = {
        "openapi": "3.1.0",
        "info": {"title": "Hodei", "version": "1"},
        "paths": {},
        "components": {"schemas": {name: _bare(schema) for name, schema in schemas.items()}},
    }
    return json.dumps(told, sort_keys=True, indent=1)


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: value
        for name, value in schema.items()
        if name not in _PROSE or not isinstance(value, str | list)
    }
    return {
        name: {key: _bare(each) for key, each in value.items()} if name == "properties" else _bare(value)
        for name, value in kept.items()
    }


if __name__ == "__main__":
    text = resources()
    sys.stdout.write(hashlib.sha256(text.encode()).hexdigest() + "\n" if sys.argv[1:] == ["hash"] else text)
