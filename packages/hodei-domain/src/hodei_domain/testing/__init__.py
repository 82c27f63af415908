"""What proves adapters: fakes, contract suites, state machines. Needs the extra `hodei-domain[testing]`."""
