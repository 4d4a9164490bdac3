"""The colours of the terminal views: few, told apart by people with colour blindness, never alone.

They follow Okabe and Ito's palette. Every line says by a sign or a word what
its colour says too, so that ``NO_COLOR``, a pipe or a black-and-white screen
lose nothing.
"""

from __future__ import annotations

from typing import Final

CLIENT: Final = "#56b4e9"
SERVER: Final = "#009e73"
CHANGE: Final = "bold #e69f00"
LIFE: Final = "dim"
WRONG: Final = "bold #d55e00"
HEADING: Final = "bold"
TIME: Final = "dim"
NOTE: Final = "dim"
"""Remarks in round brackets and the like."""
