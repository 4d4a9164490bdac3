"""Ask a running playground over its control socket. Needs neither Twisted nor a network."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 10.0


class ControlError(Exception):
    """The running playground cannot be asked, or has refused. Its text is one line for a person."""


def ask(state_dir: Path, request: Mapping[str, Any], seconds: float = ANSWER_SECONDS) -> Any:
    """Ask the playground that runs in ``state_dir``; blocks. Raises :class:`ControlError`."""
    nobody = f"No playground is running in {state_dir}. Start one, or name its folder: --state-dir DIR"
    try:
        path = (state_dir / "control").read_text()
    except OSError as error:
        raise ControlError(nobody) from error
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(seconds)
        try:
            control.connect(path)
            control.sendall(json.dumps(request).encode() + b"\n")
            with control.makefile("rb") as answers:
                line = answers.readline()
        except TimeoutError as error:
            raise ControlError(f"The playground in {state_dir} does not answer.") from error
        except OSError as error:
            raise ControlError(nobody) from error
    answer = json.loads(line) if line else {"error": "it closed the line without an answer"}
    if isinstance(answer, dict) and "error" in answer:
        raise ControlError(f"The playground refused: {answer['error']}")
    return answer


def ask_if_running(state_dir: Path, request: Mapping[str, Any]) -> Any:
    """As :func:`ask`, or None where no playground answers."""
    with suppress(ControlError):
        return ask(state_dir, request, 2.0)
    return None
