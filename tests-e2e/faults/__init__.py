"""Real faults: the assembled platform under a load of real jobs while things are killed, frozen and cut."""
