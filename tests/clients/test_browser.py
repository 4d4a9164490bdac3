"""The front page in a browser: Debian's Chromium, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from playground.testing import Running, run

pytestmark = pytest.mark.needs("chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ADA = {"username": "ada", "password": "lovelace"}
"""What is typed where the browser asks for a name; the examples' passwords are these."""
MILLISECONDS = 20_000.0
OPEN_ALL = "document.querySelectorAll('details').forEach(card => { card.open = true })"
TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"


@pytest.fixture(scope="module")
def playground() -> Iterator[Running]:
    with run() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=FLAGS
        )
        yield chromium
        chromium.close()


class Window:
    """A page of a browser that has been nowhere yet, and what was wrong in it."""

    def __init__(self, browser: Any, url: str, width: int) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, http_credentials=ADA, base_url=url
        )
        self.context.set_default_timeout(MILLISECONDS)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._console)
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        # The browser's own note on each answer that is 4xx or 5xx, as some here are meant to be.
        if not message.text.startswith("Failed to load resource: the server responded with a status of "):
            self.faults.append(message.text)

    def answer_of(self, path: str, wanted: str = "") -> str:
        """Send the form for this path as it stands; what is shown, once all of it (``wanted``) is."""
        form = self.page.locator(f'form[data-path="{path}"]').first
        output = form.locator("xpath=..").locator("output")
        form.locator("button").first.click()
        output.get_by_text(wanted or "date: ").first.wait_for()
        return str(output.inner_text())


@pytest.fixture
def window(browser: Any, playground: Running) -> Iterator[Window]:
    made = Window(browser, playground.url, 1280)
    yield made
    assert made.faults == []
    made.context.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_opens_and_nothing_is_wider_than_the_window(browser: Any, playground: Running, width: int):
    window = Window(browser, playground.url, width)
    window.page.goto("/")
    assert window.page.title() == "Protocol Playground: HTTP"
    assert not window.page.evaluate(TOO_WIDE)
    window.page.evaluate(OPEN_ALL)
    for path in ("/anything", "/image/png", "/headers"):
        window.answer_of(path)
    assert not window.page.evaluate(TOO_WIDE)
    assert window.faults == []
    window.context.close()


ANSWERS = {
    "/state": "200",
    "/vending": "200",
    "/get": "200",
    "/post": "200",
    "/bearer": "200",
    "/basic-auth/{user}/{password}": "200",
    "/digest-auth/{qop}/{user}/{password}": "200",
    "/hidden-basic-auth/{user}/{password}": "404",
    "/cookies/set": "200",
    "/redirect/{n}": "200",
    "/status/{codes}": "418",
    "/sse": "200",
    "/image/png": "200",
}
"""Some of the forms and what they are answered; of the others it is wanted that they ask nothing wrong."""


def test_each_form_can_be_sent_as_it_stands_and_its_answer_is_shown(window: Window):
    window.page.goto("/")
    window.page.evaluate(OPEN_ALL)
    window.page.evaluate(
        "document.querySelectorAll('form:not([data-socket])').forEach(f => f.requestSubmit())"
    )
    forms = window.page.locator("form:not([data-socket])")
    answered = window.page.locator("form:not([data-socket]) ~ output > pre").filter(has_text="date: ")
    answered.nth(forms.count() - 1).wait_for()
    paths = forms.evaluate_all("all => all.map(form => form.dataset.path)")
    assert set(ANSWERS) <= set(paths)
    for path, text in zip(paths, answered.all_inner_texts(), strict=True):
        status = next(line for line in text.splitlines() if not line.startswith("("))[:3]
        if path in ANSWERS:
            assert status == ANSWERS[path], f"{path}: {text}"
        elif path != "/unstable":
            assert status not in ("400", "405", "415", "500"), f"{path}: {text}"


def test_what_is_typed_into_a_form_is_what_is_sent(window: Window):
    window.page.goto("/")
    card = window.page.locator("details").filter(has=window.page.locator('form[data-path="/state"]'))
    card.locator("summary").click()
    card.get_by_label("name").fill("bob & ada")
    assert "/state?name=bob+%26+ada'" in card.locator(".curl").inner_text()
    assert '"name": "bob & ada"' in window.answer_of("/state", '"carried"')


def test_a_websocket_can_be_talked_to(window: Window, playground: Running):
    before = playground.events("event:refused")
    window.page.goto("/")
    window.page.evaluate(OPEN_ALL)
    assert window.answer_of("/websocket/echo", "S: hello").splitlines() == ["C: hello", "S: hello"]
    assert '"n":1' in window.answer_of("/ws", "S: {").replace(" ", "")
    form = window.page.locator('form[data-path="/ws"]')
    form.get_by_role("button", name="Hang up").click()
    form.locator("xpath=..").get_by_text("-- closed: 1").wait_for()
    assert playground.events("event:refused") == before


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_what_a_stranger_sends_is_shown_and_not_run(window: Window):
    window.page.goto(f"/anything?x={HOSTILE}")
    assert "alert(1)" in window.page.inner_text("body")
    window.page.goto("/")
    window.page.evaluate(OPEN_ALL)
    form = window.page.locator('form[data-path="/anything"]')
    form.get_by_label("method").select_option("POST")
    form.get_by_label("body").fill(HOSTILE)
    assert HOSTILE in window.answer_of("/anything", "onerror")
    assert window.page.locator("output script, output img").count() == 0


def test_a_page_made_of_anothers_bytes_runs_nothing(window: Window):
    """Bytes in base64 are echoed as they are, and whoever writes the fields may call an answer HTML."""
    encoded = window.page.evaluate("text => btoa(text)", HOSTILE).replace("+", "-").replace("/", "_")
    window.page.goto(f"/base64/{encoded}")
    assert window.page.inner_text("body") == HOSTILE
    window.page.goto(f"/response-headers?Content-Type=text/html&x={HOSTILE}")
    assert window.page.locator("script").count() == 1  # it is in the page
    assert window.faults
    assert all(fault.startswith("Blocked") or "violates" in fault for fault in window.faults)
    window.faults.clear()


def test_links_on_the_page_lead_somewhere(window: Window):
    window.page.goto("/")
    links = window.page.locator("a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert "/openapi.json" in links
    for link in links:
        assert window.page.goto(link).status == 200


TALK = """
([url, words]) => new Promise(resolve => {
  const heard = [], socket = new WebSocket(url);
  socket.onopen = () => words.forEach(word => socket.send(word));
  socket.onmessage = ({ data }) => heard.push(data) === words.length && socket.close(4001, "enough");
  socket.onclose = ({ code, reason, wasClean }) => resolve([heard, code, wasClean, socket.extensions]);
})
"""


def test_a_page_of_ours_talks_over_a_websocket_and_one_from_elsewhere_does_not(
    window: Window, playground: Running
):
    host, port = playground.servers["http"]
    window.page.goto("/html")
    words = ["hello", "größer", "x" * 100_000]
    heard, code, clean, extensions = window.page.evaluate(TALK, [f"ws://{host}:{port}/websocket/echo", words])
    assert (heard, code, clean) == (words, 4001, True)
    assert extensions.startswith("permessage-deflate")
    before = len(playground.events("foreign-origin"))
    heard, code, clean, _ = window.page.evaluate(TALK, [f"ws://localhost:{port}/websocket/echo", words])
    assert (heard, code, clean) == ([], 1006, False)
    assert len(playground.events("foreign-origin")) == before + 1
    window.faults.clear()  # it says that it was refused
