"""How long jobs take and what they use, over time."""
