"""Experiments with a whole playground, each a program: ``python -m playground.lab.drill``."""
