"""The loops: dispatch, provisioning, reaping, cleaning; and what can be asked of them."""
