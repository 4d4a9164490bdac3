"""One process in which a function runs: started, listened to, and ended with all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

PIPE_BYTES = 65_536

RUNTIME = """
import ctypes, resource, runpy, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG: whoever kills the playground kills this, too
resource.setrlimit(resource.RLIMIT_AS, ({memory} or -1, {memory} or -1))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.path.insert(0, {folder!r})
sys.argv = ["awslambdaric", {handler!r}]
runpy.run_module("awslambdaric", run_name="__main__")
"""
"""What the process begins with: limits of its own, then AWS's client as it is."""


def available() -> str:
    """Empty where functions can be run; else what is missing, for a person."""
    from importlib.util import find_spec

    if not (sys.platform == "linux" and hasattr(os, "pidfd_open")):
        return "Functions need Linux."
    if find_spec("awslambdaric") is None:
        return "Functions need one more package. Try: pip install awslambdaric"
    return ""


class FunctionProcess:
    """A running process. ``on_output`` gets what it prints, ``on_exit`` its status: negative, a signal."""

    def __init__(
        self,
        reactor: Any,
        *,
        folder: Path,
        name: str,
        api: str,
        memory: int,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[int], None],
    ) -> None:
        self._reactor = reactor
        self._on_output = on_output
        self._on_exit = on_exit
        program = RUNTIME.format(memory=memory, folder=str(folder), handler=f"{name}.handler")
        # Its own session, so that what it starts can be ended with it. -I: none of the user's own Python.
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=variables(folder, name, api, memory),
            cwd=folder,
            start_new_session=True,
        )
        assert self._popen.stdout is not None
        self.pid = self._popen.pid
        self._output = _Watched(self._popen.stdout.fileno(), self._read)
        try:
            self._end = _Watched(os.pidfd_open(self.pid), self._ended)
        except OSError:
            self.kill()
            self._popen.wait()
            self._popen.stdout.close()
            raise
        os.set_blocking(self._output.number, False)
        for watched in (self._output, self._end):
            reactor.addReader(watched)

    def _read(self) -> None:
        try:
            data = os.read(self._output.number, PIPE_BYTES)
        except BlockingIOError:
            return
        if data:
            self._on_output(data)
        else:
            self._reactor.removeReader(self._output)

    def _ended(self) -> None:
        for watched in (self._output, self._end):
            self._reactor.removeReader(watched)
        with suppress(BlockingIOError):
            if data := os.read(self._output.number, PIPE_BYTES):
                self._on_output(data)
        self.kill()  # what it has left behind. It is not waited for yet: the number still belongs to it.
        status = self._popen.wait()
        os.close(self._end.number)
        assert self._popen.stdout is not None
        self._popen.stdout.close()
        self._on_exit(status)

    def kill(self) -> None:
        """End it, and all that it has started, at once. ``on_exit`` follows."""
        if self._popen.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def variables(folder: Path, name: str, api: str, memory: int) -> dict[str, str]:
    """The environment variables of a function: those of AWS, and none of the playground's own."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory // 2**20 or 128),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "playground",
        "AWS_LAMBDA_RUNTIME_API": api,
        "LAMBDA_TASK_ROOT": str(folder),
        "_HANDLER": f"{name}.handler",
    }


@implementer(IReadDescriptor)
class _Watched:
    """A descriptor that the reactor watches."""

    def __init__(self, number: int, readable: Callable[[], None]) -> None:
        self.number = number
        self._readable = readable

    def fileno(self) -> int:
        return self.number

    def logPrefix(self) -> str:  # noqa: N802  # Twisted's name
        return "function"

    def doRead(self) -> None:  # noqa: N802  # Twisted's name
        self._readable()

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  # Twisted's name
        """Of a pipe whose other end is closed, epoll tells only this."""
        self._readable()
