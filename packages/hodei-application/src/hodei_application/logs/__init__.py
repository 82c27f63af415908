"""Reading and following the output of jobs."""
