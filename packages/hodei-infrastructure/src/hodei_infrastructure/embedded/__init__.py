"""A Postgres of our own for one machine: found or brought by pip, started beside the server, gone with it."""
