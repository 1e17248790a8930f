"""`python -m cellsync.testing.vectors PATH…`."""

from __future__ import annotations

import sys

from cellsync.testing.vectors.run import main

sys.exit(main(sys.argv[1:]))
