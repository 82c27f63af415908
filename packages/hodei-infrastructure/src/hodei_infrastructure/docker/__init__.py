"""Workers in containers, through a Docker engine."""
