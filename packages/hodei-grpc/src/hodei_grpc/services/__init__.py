"""One class per service: each method is a conversion, a use case, a conversion."""
