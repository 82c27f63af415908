"""Scheduling: who can serve a job, whom to choose, how many workers to make.

Pure functions over snapshots.
"""
