"""Workers as processes of this machine: each agent is a child in a session of its own."""
