"""The rules of the Hodei job platform: jobs, workers, providers, scheduling, logs; attrs and nothing else."""
