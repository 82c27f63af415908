"""What this replica counts of itself, and how long jobs take and what they use, over time."""
