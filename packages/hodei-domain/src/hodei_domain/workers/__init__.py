"""Workers: the machines' agents, how they come, prove who they are, take jobs and go."""
