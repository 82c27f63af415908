"""What ends a command early: one clear line, what to do about it, and an exit status."""

from __future__ import annotations

from hodei_cli.exits import Exit


class CliError(Exception):
    """Shown as `hodei: <message>` with the hints below it, one a line; never with a traceback."""

    def __init__(self, message: str, exit: Exit, *hints: str) -> None:
        super().__init__(message)
        self.exit = exit
        self.hints = hints


class UsageProblem(CliError):
    """The command line or the environment is wrong; the message names the option, variable or field."""

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message, Exit.USAGE, *hints)


class NoServer(CliError):
    """There is no server to talk to."""

    def __init__(self, where: str, *hints: str) -> None:
        super().__init__(self._said(where), Exit.UNAVAILABLE, *hints)

    def _said(self, where: str) -> str:
        return f"no Hodei server at {where}; start one with: hodei up"


class NoAnswer(NoServer):
    """A server may be there, and has not answered in time."""

    def _said(self, where: str) -> str:
        return f"the server at {where} does not answer; it may be overloaded, stopped or cut off"
