"""Use cases about providers, and the adapters that serve them."""
