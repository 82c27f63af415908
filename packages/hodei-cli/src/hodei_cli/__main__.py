"""`python -m hodei_cli`: the same as the `hodei` command."""

from hodei_cli.main import main

if __name__ == "__main__":
    main()
