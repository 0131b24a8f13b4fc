"""`python -m road_extractor_plugin`."""

from __future__ import annotations

import sys

from road_extractor_plugin.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
