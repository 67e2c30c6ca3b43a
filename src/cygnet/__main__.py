"""``python -m cygnet`` is ``cygnet``."""

import sys

from cygnet.cli import main

sys.exit(main())
