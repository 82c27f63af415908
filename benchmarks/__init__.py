"""The figures of the specification, measured: one command each, limits of the machine and peers beside them.

`python -m benchmarks.f1_submit --help`. Every run starts its own Postgres and its own server in a temporary
directory, speaks over loopback only, ends by itself and leaves nothing behind.
"""
