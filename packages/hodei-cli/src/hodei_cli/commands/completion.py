"""`hodei completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from hodei_cli.groups import command


@command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands.

    \b
    Examples:
      hodei completion bash >> ~/.bashrc
      hodei completion zsh  >> ~/.zshrc
      hodei completion fish > ~/.config/fish/completions/hodei.fish
    """
    from hodei_cli.root import hodei

    kind = get_completion_class(shell)
    if kind is None:  # click knows these three; another is refused above
        raise click.UsageError(f"no completion for {shell}")
    print(kind(hodei, {}, "hodei", "_HODEI_COMPLETE").source())
