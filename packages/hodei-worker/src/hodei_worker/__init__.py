"""The agent of the Hodei job platform: registers, runs jobs, streams their output."""
