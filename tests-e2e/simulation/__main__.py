"""Run seeds: `python -m simulation [SEEDS] [FROM]`, or one with its story: `python -m simulation --story SEED`."""

import sys

from simulation.main import main

sys.exit(main(sys.argv[1:]))
