"""``twist playground``: the same servers under Twisted's own runner."""

from twisted.application.service import ServiceMaker

playground = ServiceMaker(
    "Protocol Playground",
    "playground.twist",
    "HTTP, FTP and a netcat game that write down what they remember of you.",
    "playground",
)
