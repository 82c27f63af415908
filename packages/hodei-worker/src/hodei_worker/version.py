"""The agent's version, kept in step with the distribution's by a test.

Written down rather than asked of importlib.metadata, which costs 13 ms at start and needs the distribution's
files.
"""

VERSION = "0.1.0"
