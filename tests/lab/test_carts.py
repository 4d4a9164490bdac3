"""The five carts, small: what each sends and holds is what the page says of it."""

from __future__ import annotations

from pathlib import Path

from playground.lab.carts import lines, shop


def test_what_is_sent_is_what_is_not_kept(tmp_path: Path):
    bills = {bill.where: bill for bill in shop(12, tmp_path)}
    cookie, token, memory, sqlite, websocket = bills.values()
    assert memory[1:] == sqlite[1:], "where the server keeps it makes no difference to the client"
    assert token.state > 5 * memory.state
    assert websocket.state == websocket.client == 0
    assert cookie.server == token.server == 0
    assert min(memory.server, websocket.server) > 0
    assert memory.state == 12 * len("Cookie: session=" + "x" * 32 + "\r\n")
    assert len({len(line) for line in lines(list(bills.values()), 12)}) == 1
