"""The command `hodei`: its list of commands, each loaded when it is called."""

from __future__ import annotations

import click

from hodei_cli.groups import Group, Lazy

START, LOOK, OPERATE, HERE = "Start", "Jobs", "Platform", "This machine"

COMMANDS = {
    "run": Lazy("hodei_cli.commands.run:run", "Run a command and follow it to its end.", START),
    "up": Lazy("hodei_cli.commands.up:up", "Start the whole platform on this machine.", START),
    "job": Lazy("hodei_cli.commands.job:job", "Queue jobs, look at them, cancel and retry them.", LOOK),
    "logs": Lazy("hodei_cli.commands.logs:logs", "Read or follow what a job wrote.", LOOK),
    "top": Lazy("hodei_cli.commands.top:top", "Watch workers and jobs and what they use.", LOOK),
    "dashboard": Lazy("hodei_cli.commands.dashboard:dashboard", "Open the dashboard in a browser.", LOOK),
    "worker": Lazy("hodei_cli.commands.worker:worker", "Look at workers, drain and end them.", OPERATE),
    "provider": Lazy(
        "hodei_cli.commands.provider:provider",
        "Look at where workers come from, and steer it.",
        OPERATE,
    ),
    "scheduler": Lazy(
        "hodei_cli.commands.scheduler:scheduler", "Look at the queue and choose how work is placed.", OPERATE
    ),
    "gc": Lazy("hodei_cli.commands.gc:gc", "Destroy what providers have and nobody wants.", OPERATE),
    "audit": Lazy("hodei_cli.commands.audit:audit", "Read what happened, when, and who did it.", OPERATE),
    "doctor": Lazy("hodei_cli.commands.doctor:doctor", "Say what works here and how to mend the rest.", HERE),
    "db": Lazy("hodei_cli.commands.db:db", "Bring the database to this version, and ask it by hand.", HERE),
    "completion": Lazy(
        "hodei_cli.commands.completion:completion",
        "Print what makes a shell complete commands.",
        HERE,
    ),
    "version": Lazy("hodei_cli.commands.version:version", "Print the version.", HERE),
}


@click.group(
    cls=Group,
    known=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", is_flag=True, help="Print the version and leave.")
@click.pass_context
def hodei(ctx: click.Context, version: bool) -> None:
    """Hodei runs jobs: queue a command, follow its output, keep its result.

    \b
    Examples:
      hodei run -- echo hello       run a command and see its output
      hodei up                      start the platform on this machine
      hodei job list                what was run, and how it ended
      hodei COMMAND --help          more about one command, with examples
    """
    if version:
        from hodei_cli.commands.version import text

        click.echo(text())
    elif ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
