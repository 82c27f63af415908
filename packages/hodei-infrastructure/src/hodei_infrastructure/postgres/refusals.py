"""What a database says when it lets nobody in: what waiting may mend, and what only a person can."""

from __future__ import annotations

import re

import psycopg
from hodei_domain.kernel.errors import Kind, Unavailable


class DatabaseRefused(Unavailable):
    """The database cannot be used as it is, and waiting changes nothing; the message says what to do."""

    kind, code = Kind.UNAVAILABLE, "store.refused"


# libpq tells no SQLSTATE of a connection that did not come to be, only words. What is not here is waited for,
# with these words in the log: a server that speaks another language is rather waited for than given up.
_URL = "mend HODEI_DATABASE_URL"
_FINAL = (
    (r"password authentication failed", "mend user or password in HODEI_DATABASE_URL"),
    (r"no password supplied", "write the password into HODEI_DATABASE_URL, or into ~/.pgpass"),
    (r'role ".*?" does not exist', "CREATE USER … PASSWORD '…' makes it"),
    (r'role ".*?" is not permitted to log in', "ALTER ROLE … LOGIN permits it"),
    (r'database ".*?" does not exist|no such database', "CREATE DATABASE … OWNER … makes it"),
    (r"permission denied for database", "GRANT CONNECT ON DATABASE … TO … gives the right"),
    (r"is not currently accepting connections", "ALTER DATABASE … ALLOW_CONNECTIONS true opens it"),
    (r"no pg_hba.conf entry|pg_hba.conf rejects", "an entry in the server's pg_hba.conf lets it in"),
    (r"(Peer|Ident) authentication failed", "name the user that belongs to this account"),
    (r"server does not support SSL", "set SSL up at the server, or write another sslmode"),
    (r"certificate verify failed|does not match host name|server's host name", "mend host or sslrootcert"),
    (r"root certificate file|could not read root certificate", "mend sslrootcert"),
    (r"could not (read|load) (certificate|private key)|private key file", "mend sslcert and sslkey"),
    (r"certificate (file .* does not exist|revoked|expired)|unknown ca", "mend sslcert and sslkey"),
    (r"valid client certificate|[cC]ertificate authentication failed", "mend sslcert and sslkey"),
    (r"channel binding (is )?required|authentication method requirement", _URL),
    (r"invalid .* value|invalid port number|bad value for", _URL),
    (r"unrecognized configuration parameter|unsupported startup parameter", "mend options in the URL"),
    (r"definition of service .* not found|service file .* not found", "mend the service in the URL"),
    (r"unsupported frontend protocol|received invalid response", "mend host and port in the URL"),
)
_LEAD = re.compile(r"^(connection failed|connection is bad|failed): ")
_AT = re.compile(r"connection to server (?:at|on socket) .*? failed: (?:FATAL: +|ERROR: +)?")


def said(error: BaseException) -> str:
    """The first line of what it said, without the words that every such line begins with."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return _AT.sub("", _LEAD.sub("", first)).strip()


def final(error: psycopg.Error) -> DatabaseRefused | None:
    """What to say where waiting is in vain: of several hosts one that refuses us is enough."""
    text = str(error)
    for pattern, mend in _FINAL:
        if (found := re.search(pattern, text)) is not None:
            line = next(line for line in text.splitlines() if found.group(0) in line)
            words = _AT.sub("", _LEAD.sub("", line.rpartition("hostaddr: ")[2])).strip()
            return DatabaseRefused(f"the database cannot be used: {words}; {mend}")
    return None
