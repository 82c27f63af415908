"""`python -m hodei_worker`."""

from hodei_worker.main import main

main()
