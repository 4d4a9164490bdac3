"""Functions in the cloud, on your own machine: AWS's own client runs them, this side keeps their processes.

Stateless by contract, not by physics: what a function leaves in a module
global is there at its next run, if the same process is.
"""
