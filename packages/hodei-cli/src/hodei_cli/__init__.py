"""Command line of the Hodei job platform."""
