"""REST service of the Hodei job platform."""
