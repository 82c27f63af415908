"""What proves adapters: fakes, contract suites, state machines. Needs the extra `hodei-domain[testing]`."""

import pytest

# a failing contract shows its values, wherever it is installed
pytest.register_assert_rewrite("hodei_domain.testing.contracts", "hodei_domain.testing.machines")
