"""Watch Automat machines change. The only file that knows Automat's private names.

Automat's ``TypeMachineBuilder`` machines have no public trace hook, so this
reaches for the transitioner behind them. The version is pinned in
``setup.cfg`` and a canary test fails when the private name goes away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Transition(NamedTuple):
    """One step of a state machine."""

    machine: str
    input: str
    before: str
    after: str


def trace(machine: object, name: str, step: Callable[[Transition], None]) -> None:
    """Call ``step`` for every transition of ``machine`` from now on.

    ``step`` must not raise: Automat would abort the transition. Inputs that
    the state refuses are not traced; they raise ``automat.NoTransition``.
    """
    transitioner: Any = machine.__automat_transitioner__  # type: ignore[attr-defined]  # private, see above

    def tracer(before: Any, input: Any, after: Any) -> None:
        step(Transition(name, _name(input), _name(before), _name(after)))

    transitioner.setTrace(tracer)


def state_of(machine: object) -> str:
    """The name of the state that ``machine`` is in."""
    transitioner: Any = machine.__automat_transitioner__  # type: ignore[attr-defined]  # private, see above
    return _name(transitioner._state)


def transitions(make_machine: object) -> list[Transition]:
    """Every transition of the machines that a builder's ``build()`` makes, by state and input."""
    automaton: Any = make_machine.__automat_automaton__  # type: ignore[attr-defined]  # private, see above
    found = [
        Transition("", _name(name), _name(before), _name(after))
        for before, name, after, _ in automaton.allTransitions()
    ]
    return sorted(found, key=lambda step: (step.before, step.input))


def _name(thing: Any) -> str:
    return thing if isinstance(thing, str) else str(thing.name)
