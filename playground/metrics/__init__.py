"""Numbers for whoever watches a playground over time, in Prometheus' text format.

They are read out of the journal and asked of the servers; no server knows
that it is counted.
"""

from playground.metrics.counts import Counts
from playground.metrics.families import Family, JournalNumbers, families

__all__ = ["Counts", "Family", "JournalNumbers", "families"]
