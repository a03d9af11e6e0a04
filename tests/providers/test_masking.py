"""A credential that a server returns is masked in every encoding, in linear time."""

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_analytics.providers.masking import MASK, Masker

SECRET = "sK/9+b=c&d\"e'f<g%2h\\i"
PROXY = "ünter den:linden pass"
PLUS = "wk/Ab1+2=&xQ"


def encodings(secret: str) -> dict[str, str]:
    """The encodings in which servers, languages and proxies may return a credential."""
    quoted = json.dumps(secret)[1:-1]
    basic = base64.b64encode(f"{secret}:".encode()).decode()
    return {
        "as it is": secret,
        "upper case": secret.upper() if len(secret) > 11 else secret,
        "lower case": secret.lower() if len(secret) > 11 else secret,
        "JSON": quoted,
        "PHP's JSON": quoted.replace("/", "\\/"),
        "JSON in JSON": json.dumps(json.dumps(secret)),
        "lower-case escapes": "".join(f"\\u{ord(c):04x}" for c in secret),
        "upper-case escapes": "".join(f"\\u{ord(c):04X}" for c in secret),
        "hex escapes": "".join(f"\\x{ord(c):02x}" for c in secret),
        "HTML": html.escape(secret),
        "HTML in HTML": html.escape(html.escape(secret)),
        "decimal entities": "".join(f"&#{ord(c)};" for c in secret),
        "hex entities": "".join(f"&#x{ord(c):X};" for c in secret),
        "percent": quote(secret, safe=""),
        "lower-case percent": quote(secret, safe="").lower()
        if secret.lower() == secret
        else "".join(f"%{byte:02x}" for byte in secret.encode()),
        "twice percent": quote(quote(secret, safe=""), safe=""),
        "form": quote_plus(secret),
        "decoded as a form": secret.replace("+", " "),
        "partly decoded as a form": secret.replace("+", " ").replace("&", "%26"),
        "percent of JSON": quote(quoted.replace("/", "\\/"), safe=""),
        "HTML of JSON": html.escape(quoted),
        "Basic": basic,
        "Basic without padding": basic.rstrip("="),
        "Basic in a URL": quote(basic, safe=""),
        "URL-safe Basic": base64.urlsafe_b64encode(f"{secret}:".encode()).decode(),
        "Basic as the password": base64.b64encode(f":{secret}".encode()).decode(),
        "Base64": base64.b64encode(secret.encode()).decode(),
    }


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        pytest.param(secret, text, id=f"{name} {number}")
        for number, secret in enumerate((SECRET, PROXY, PLUS, "plain-key-1234", "1234567890"))
        for name, text in encodings(secret).items()
    ],
)
def test_masked_in_every_encoding(secret: str, text: str) -> None:
    """In a text with other characters around it, in a list, and as the key of an object."""
    masker = Masker([secret, "another-key"])

    masked = masker.text(f"<{text}|{text}>")
    assert masked.count(MASK) == 2
    assert text not in masked
    assert len(masked) < 60
    value = masker({"a": [f"x {text} y"], text: 1})
    assert text not in repr(value)
    assert [*value][1].count(MASK) == 1


def test_a_credential_of_digits_is_also_masked_as_a_number() -> None:
    """Other numbers are not masked, and neither are true and false."""
    masker = Masker(["1234567890123456789"])

    assert masker({"token": 1234567890123456789, "n": 12, "ok": True}) == {
        "token": MASK,
        "n": 12,
        "ok": True,
    }


@pytest.mark.parametrize("secret", ["a", "1", "ab", "s3c"])
def test_masking_a_short_credential_does_not_make_a_text_longer(secret: str) -> None:
    """Only a whole word is masked, with as many asterisks as it has characters."""
    masker = Masker([secret])
    words = f"success ababab s3cs3c 111 {secret} "

    assert masker.text(f'"{secret}"') == '"' + "*" * len(secret) + '"'
    assert len(masker.text(words * 1_000)) == len(words) * 1_000
    assert masker({"success": False, "status": "ababab"}) == {"success": False, "status": "ababab"}


def test_other_text_is_not_changed() -> None:
    """Text without a credential keeps its escape sequences."""
    text = r'{"a": "\/\u0041 %41 &amp;amp; \\\\ %"} & &#x; \\u00'

    assert Masker(["a-key-that-is-not-there"]).text(text) == text
    assert Masker([]).text(text) == text


@pytest.mark.parametrize("secret", ["key-0123456789", SECRET, PROXY, PLUS, "s3c", "\\\\%&\\&%25"])
def test_no_part_of_a_credential_is_left_where_a_text_is_cut_off(secret: str) -> None:
    """In every encoding. The end of a text that was cut off is removed if it may be a credential.

    The text is cut at each position of the credential.
    """
    masker = Masker([secret])
    for text in encodings(secret).values():
        whole = "." * 500 + text
        for end in range(500, len(whole) + 1):
            masked = masker.text(whole[:end], is_whole=False)
            # JSON puts the credential in quotes, and the mask of a short one is asterisks.
            assert masked.replace(MASK, "").strip('."\\*') == "", whole[:end]


def test_other_text_is_kept_where_it_is_cut_off() -> None:
    """All of it, but for what may be the start of a credential, or an incomplete escape."""
    masker = Masker(["key-0123456789"])

    assert masker.text('{"error": "no such user', is_whole=False) == '{"error": "no such user'
    assert masker.text("the key-0123456789 is wr", is_whole=False) == f"the {MASK} is wr"
    assert masker.text("the key-012", is_whole=False) == "the "
    assert masker.text("100 %", is_whole=False) == "100 "
    assert Masker([]).text("x", is_whole=False) == "x"


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_any_credential_is_masked_in_any_text(text: str, secrets: list[str]) -> None:
    """Random texts and credentials: no error, and no credential of four or more characters."""
    masked = Masker(secrets).text(text)

    assert not [s for s in secrets if len(s) >= 4 and s in masked.replace(MASK, "\0")]


@pytest.mark.parametrize(
    "piece",
    ["\\", "%", "&", "%25", "&amp;", "\\u0073", "\\\\\\\\\\\\\\\\u", "s3cret", "k", "&#x", "s"],
)
def test_cost_is_proportional_to_the_length_of_the_text(piece: str) -> None:
    """A text that is four times as long takes about four times as long; ten times is the limit.

    The texts repeat pieces that look like parts of a credential or of an escape sequence.
    """
    masker = Masker(["s3cret-key-0123456789", "k" * 40])

    def cost(size: int) -> float:
        text = piece * (size // len(piece))
        times = []
        for _ in range(5):
            started = time.process_time()
            masker.text(text)
            times.append(time.process_time() - started)
        return min(times)

    assert cost(160_000) < 10 * cost(40_000) + 0.01
