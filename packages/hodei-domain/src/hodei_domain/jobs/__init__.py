"""Jobs: what to run, the states it goes through, its attempts and its result."""
