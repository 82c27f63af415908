"""Use cases and loops of the Hodei job platform."""
