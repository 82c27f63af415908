"""The whole system in one thread: virtual time, a seeded scheduler, faults, and a judge of the promises."""
