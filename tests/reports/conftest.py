from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$x$ and $$y$$",
    "`tick` ``two`` ```three",
    "a|b|c",
    "\x1b[2J\x1b]0;title\x07 \x9b31m",
    "first\n# second\r\n- third\u2028fourth",
    "\u202egnp.exe\u2066 \u200bhidden",
    "<!-- tuneguard:end --> --> <!--",
    "]]> &amp; &#60; \\* _a_ *b* [c](http://evil.example) ![d](e) ~~f~~ @someone",
    "http://evil.example www.evil.example ftp://evil.example",
    "{{ 7 * 7 }} {% raw %} {# gone #}",
    "long_name/" * 1000,
    "</text></svg><svg onload=alert(1)><a xlink:href='javascript:alert(1)'>",
    "../../../x",
    "a/../../b\\..\\c",
    "损失 🤗 \ud800 \ufffe",
    "",
)


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    """The module beside this one: pytest imports test files without their folder on the path."""
    spec = spec_from_file_location("report_samples", Path(__file__).with_name("samples.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", params=["diverged", "healthy", "inconclusive", "overfitted"])
def diagnosis(request, samples):
    return getattr(samples, request.param)()


@pytest.fixture(
    params=HOSTILE,
    ids=lambda text: ascii(text[:12]),
)
def hostile(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def hostiles() -> tuple[str, ...]:
    return HOSTILE
