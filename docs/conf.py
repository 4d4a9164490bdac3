"""How ``make docs`` builds these pages. Every warning is an error there."""

from __future__ import annotations

import sys
from pathlib import Path

from playground import __version__

sys.path.insert(0, str(Path(__file__).parents[1]))  # for docs._ext

project = "Protocol Playground"
author = "Protocol Playground contributors"
project_copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "docs._ext.event_reference",
    "docs._ext.http_reference",
    "docs._ext.machine_pictures",
]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {version}"
html_show_sphinx = False
html_copy_source = False
