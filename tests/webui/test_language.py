import re
from importlib import resources
from string import Formatter

import pytest

from webui.language import LANGUAGES, Words, choose, load

TEMPLATES = [
    file
    for folder in ("", "pages", "partials")
    for file in (resources.files("webui") / "templates" / folder).iterdir()
    if file.name.endswith(".html")
]
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")
DYNAMIC = re.compile(r"""t\(\s*'([\w.]+)'\s*~""")
LITERAL = re.compile(r"""\bt\(\s*'([\w.]+)'\s*[,)]""")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_and_the_same_places() -> None:
    korean, english = (load(lang).texts for lang in ("ko", "en"))
    assert set(korean) == set(english)
    assert {key: places(text) for key, text in korean.items()} == {key: places(text) for key, text in english.items()}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_is_empty(lang: str) -> None:
    assert all(text.strip() for text in load(lang).texts.values())


def test_every_key_a_template_names_exists() -> None:
    keys = set(load("ko").texts)
    for file in TEMPLATES:
        text = file.read_text(encoding="utf-8")
        assert set(LITERAL.findall(text)) <= keys, file.name
        for prefix in DYNAMIC.findall(text):
            assert any(key.startswith(prefix) for key in keys), (file.name, prefix)


def test_no_korean_stands_in_a_template() -> None:
    assert [file.name for file in TEMPLATES if HANGUL.search(file.read_text(encoding="utf-8"))] == []


def test_external_text_is_never_marked_safe() -> None:
    for file in TEMPLATES:
        assert "|safe" not in file.read_text(encoding="utf-8").replace(" ", ""), file.name


@pytest.mark.parametrize(
    ("cookie", "accepted", "lang"),
    [
        (None, (), "ko"),
        ("en", ("ko",), "en"),
        ("xx", ("en-GB", "ko"), "en"),
        (None, ("de", "ko-KR", "en"), "ko"),
        (None, ("de",), "ko"),
    ],
)
def test_the_visitors_choice_comes_first_then_the_browsers_then_korean(
    cookie: str | None, accepted: tuple[str, ...], lang: str
) -> None:
    assert choose(cookie, accepted) == lang


def test_a_missing_key_is_an_error_and_an_unknown_code_is_shown_as_it_is() -> None:
    words = Words("en", {"a": "x {n}"})
    assert words("a", n=2) == "x 2"
    with pytest.raises(KeyError):
        words("b")
    assert words.maybe("gate.NEW", "NEW") == "NEW"
