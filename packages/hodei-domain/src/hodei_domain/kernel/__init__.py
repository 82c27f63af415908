"""What every room shares: identities, errors, events, changes and values with units."""
