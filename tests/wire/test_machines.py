"""The canary for Automat's private names, and what a trace tells."""

from __future__ import annotations

from typing import Protocol

import automat
import pytest

from playground.wire.machines import Transition, state_of, trace


class Door(Protocol):
    def push(self) -> None:
        """Push it."""

    def lock(self) -> None:
        """Lock it."""


def door() -> Door:
    builder = automat.TypeMachineBuilder(Door, dict[str, int])
    shut, ajar, locked = builder.state("shut"), builder.state("ajar"), builder.state("locked")

    @shut.upon(Door.push).to(ajar)
    @ajar.upon(Door.push).to(shut)
    @shut.upon(Door.lock).to(locked)
    @locked.upon(Door.lock).loop()
    def nothing(door: Door, core: dict[str, int]) -> None: ...

    return builder.build()({})


def test_each_step_is_told_with_its_names():
    machine, steps = door(), list[Transition]()
    trace(machine, "door", steps.append)
    assert state_of(machine) == "shut"
    machine.push()
    machine.push()
    machine.lock()
    machine.lock()
    assert steps == [
        ("door", "push", "shut", "ajar"),
        ("door", "push", "ajar", "shut"),
        ("door", "lock", "shut", "locked"),
        ("door", "lock", "locked", "locked"),
    ]
    assert state_of(machine) == "locked"


def test_what_the_state_refuses_is_not_told():
    machine, steps = door(), list[Transition]()
    trace(machine, "door", steps.append)
    machine.lock()
    with pytest.raises(automat.NoTransition):
        machine.push()
    assert [step.input for step in steps] == ["lock"]
