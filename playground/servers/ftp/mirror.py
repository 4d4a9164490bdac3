"""Reads out of pyftpdlib's handler what it remembers. The only file that knows its private names for that."""

from __future__ import annotations

from typing import Any

from playground.servers.ftp.memory import Remembered


def looked_at(handler: Any) -> tuple[object, ...]:
    """All that :func:`remembered` looks at. While it is equal, so is what is remembered.

    It is asked for several times a command, so it costs less than that.
    """
    files, channel = handler.fs, handler.data_channel
    acceptor, connector = handler._dtp_acceptor, handler._dtp_connector
    return (
        handler.username,
        handler.authenticated,
        handler.attempted_logins,
        files is not None and files.cwd,
        handler._current_type,
        handler._restart_position,
        handler._rnfr,
        channel is not None and (channel._initialized, channel.cmd),
        acceptor,
        acceptor is None or acceptor._closed,
        connector,
        connector is None or connector._closed,
        handler.data_refused,
        handler._out_dtp_queue,
        handler._in_dtp_queue,
        handler._epsvall,
        handler._current_facts,
        handler.secured,
        handler.pbsz,
        handler.prot,
        handler._quit_pending,
    )


def remembered(handler: Any) -> Remembered:
    """The state of a handler. Looks at attributes only, never at the disk."""
    files = handler.fs
    facts = handler._current_facts
    return Remembered(
        user=handler.username or None,
        authenticated=handler.authenticated,
        failed_logins=handler.attempted_logins,
        cwd=files.cwd if files is not None else None,
        type=handler._current_type.upper(),
        rest=handler._restart_position,
        rename_from=files.shown(handler._rnfr) if files is not None and handler._rnfr else None,
        data=data_state(handler),
        queued=queued(handler),
        epsv_all=handler._epsvall,
        mlst_facts=None if facts == handler.default_facts else ";".join(facts),
        tls=handler.secured,
        pbsz=handler.pbsz,
        prot=handler.prot,
        quit_pending=handler._quit_pending,
    )


def queued(handler: Any) -> str | None:
    """The transfer command that waits for a data connection."""
    going_out, coming_in = handler._out_dtp_queue, handler._in_dtp_queue
    if going_out is not None:
        return str(going_out[3])
    return str(coming_in[1]) if coming_in is not None else None


def data_state(handler: Any) -> str | None:
    """What there is of a data connection, in a word."""
    channel = handler.data_channel
    if channel is not None:
        return f"transfer:{channel.cmd}" if channel._initialized and channel.cmd else "open-idle"
    acceptor, connector = handler._dtp_acceptor, handler._dtp_connector
    # pyftpdlib keeps what has failed or timed out until the next command of that kind.
    if acceptor is not None and not acceptor._closed:
        return f"pasv-listening:{acceptor.socket.getsockname()[1]}"
    if connector is not None and not connector._closed:
        return "active-connecting"
    if handler.data_refused:
        return "refused"
    return None


def busy(handler: Any) -> bool:
    """Whether a transfer runs or waits for its data connection."""
    state = data_state(handler)
    return state is not None and (state.startswith("transfer:") or queued(handler) is not None)
