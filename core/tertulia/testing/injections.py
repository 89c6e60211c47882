"""Texts that want to be more than text, for every place in which somebody can write; and what finds them at work.

Each HTML text would leave an element or attribute named `MARK`, or set `window.injected`; each template `191 * 7`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

MARK = "data-injected"
EVIL = "evil.example"
COMPUTED = str(191 * 7)
FORMULAS = (
    f'=HYPERLINK("https://{EVIL}","x")', "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "\n=1+1", "＝1+1", "＠SUM(1)",
)  # fmt: skip
"""What a spreadsheet would compute: OWASP's page on CSV injection, and their full-width doubles."""
TURNED = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What turns the text that follows around, too."""
TEXTS: Mapping[str, str] = {
    "element": f'<injected-element {MARK}="1" onclick="injected=1">',
    "script": f"<script {MARK}>injected=1</script>",
    "image": f"<img {MARK} src=x onerror=injected=1>",
    "attribute": f'" onmouseover="injected=1" {MARK}="1',
    "quoted attribute": f"' autofocus onfocus='injected=1' {MARK}='1",
    "end of a field": f"</textarea></title></style></script><svg {MARK} onload=injected=1>",
    "comment": f"--><style {MARK}>*{{display:none}}</style><!--",
    "template": "{{191*7}} ${191*7} #{191*7} <%= 191*7 %> {% print 191*7 %} %(1337x)s {0.__class__}",
    "link": f"[click](https://{EVIL}/x) ![i](https://{EVIL}/i.png) <https://{EVIL}> https://{EVIL}/?a=1 www.{EVIL}",
    "script link": f"[click](javascript:injected=1) javascript:injected=1 data:text/html,<script {MARK}>1</script>",
    "markdown": "**b** _i_ ~~s~~ `c` # h\n- item\n1. one\n> quote\n---\n| a |",
    "mention": "<at>Everyone</at> @everyone @board <!all> <@U1> mailto:ana@evil.example",
    "card": '{"type":"Action.OpenUrl","url":"https://evil.example"} ${$root} {{DATE(2026-01-01T00:00:00Z,SHORT)}}',
    "header": f"x\r\nBcc: victim@{EVIL}\r\nContent-Type: text/html\r\n\r\n<b {MARK}>body</b>",
    "vector": f'<svg xmlns="http://www.w3.org/2000/svg" {MARK}><script>injected=1</script></svg>',
    "turned": f"\u202eevil\u2066\u2069 \u200fna\u200eme{TURNED}",
    "invisible": "a\u200bb\u200cc\u2060d\ufeffe",
    "long": "w" * 3000,
    "right to left": "שלום עולם مرحبا بالعالم",
    "joined": "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0301\u0301",
    **{f"formula {number}": text for number, text in enumerate(FORMULAS)},
}
NUL = "a\x00b\x1b[31mc\x7f"
"""What no database takes; refused or dropped, never a failure."""
TURNING = re.compile(f"[{TURNED}]")
LEADING = frozenset("=+-@\t\r\n＝＋－＠")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if MARK in given or tag == "injected-element" or any(name.startswith("on") for name in given):
            self.found.append(f"<{tag}> {given}")
        for name in ("href", "src", "action", "formaction", "srcdoc", "style"):
            value = (given.get(name) or "").strip().lower()
            if EVIL in value or value.startswith(("javascript:", "data:text")):
                self.found.append(f"<{tag} {name}={value[:60]}>")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def at_work(page: str) -> list[str]:
    """Return what came to life in a page or a picture that holds texts of the corpus: nothing is right."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    words = " ".join(reader.words)
    if COMPUTED in words.replace(f"%({COMPUTED}x)s", ""):
        reader.found.append("a template was computed")
    if turned := TURNING.search(page):
        reader.found.append(f"text is turned around by U+{ord(turned.group()):04X}")
    return reader.found


def computes(cell: str) -> bool:
    """Tell whether a spreadsheet would take a cell for a formula."""
    return cell[:1] in LEADING and bool(cell)
