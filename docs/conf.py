"""How ``make docs`` builds these pages. Every warning is an error there."""

from __future__ import annotations

import sys
from pathlib import Path

from playground import __version__

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parents[1])]

project = "Protocol Playground"
author = "Protocol Playground contributors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "event_reference", "machine_pictures"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {version}"
html_show_sphinx = False
html_copy_source = False
