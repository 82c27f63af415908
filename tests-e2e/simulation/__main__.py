"""Run seeds: `python -m simulation [SEEDS] [FROM]`; or tell the story of one: `… --story SEED`."""

import sys

from simulation.main import main

sys.exit(main(sys.argv[1:]))
