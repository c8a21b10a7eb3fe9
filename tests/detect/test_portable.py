"""Patterns over characters become patterns over bytes that match the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from privet.detect.matchers import re2_matchers
from privet.detect.portable import NotPortable, portable, words_pattern
from privet.detect.rule import Rule

CHARS = st.one_of(
    st.sampled_from("aZ09 _-é\u00df\u0130K日\u3000\U0001f600\n\ud800\uffff\U00010000\U0010ffff"),
    st.characters(codec=None),
)


def whole(pattern: str, text: str) -> bool:
    return bool(re.fullmatch(portable(pattern).pattern.encode("ascii"), text.encode("utf-8", "surrogatepass")))


@given(CHARS, CHARS, CHARS, st.booleans())
def test_classes_match_the_same_characters(first: str, last: str, char: str, negated: bool) -> None:
    first, last = sorted((first, last))
    pattern = f"[{'^' * negated}\\u{ord(first):04x}-\\u{ord(last):04x}]" if last < "\uffff" else None
    assume(pattern is not None)
    assert whole(f"x{pattern}", "x" + char) == bool(re.fullmatch(f"x{pattern}", "x" + char))


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        (r"EMP-(\d{4,6})", ["EMP-1234", "EMP-123456"], ["EMP-123", "EMP-1234567", "EMP-१२३४"]),
        (r"(?i)größe \w{2}", ["GRÖßE ab", "größe a_"], ["grosse ab", "größe ää"]),
        (r"(?i:a)b", ["ab", "Ab"], ["aB"]),
        (r"[^,]{2}", ["ab", "日本", "é\n", "😀😀"], ["a,", "a"]),
        (r".{2}", ["ab", "é😀"], ["a\n"]),
        (r"(?s).{2}", ["a\n"], ["a"]),
        (r"[^a]b|cd", ["xb", "\nb", "cd"], ["ab"]),
        (r"a[а-я]{2,3}?", ["aбв"], ["aб", "aБв"]),
        (r"\Sa\s\D\W", ["éa x-", "xa\té "], ["xa 1-"]),
        (r"(?P<part>ab)?c{2}", ["abcc", "cc"], ["ab"]),
    ],
)
def test_a_pattern_matches_what_it_says(pattern: str, hits: list[str], misses: list[str]) -> None:
    assert [whole(pattern, text) for text in hits] == [True] * len(hits)
    assert [whole(pattern, text) for text in misses] == [False] * len(misses)


@pytest.mark.parametrize("pattern", [r"EMP-(\d{4,6})", r"(?i)größe \w{2}", r"[^,]{2}", r".{3,40}x", r"\b日本{1,3}\b"])
def test_re2_takes_what_comes_out(pattern: str) -> None:
    rule = Rule("a", "PERSON", portable(pattern).pattern, 1.0, "test", ())
    assert re2_matchers([rule]).search(b"\n", 0) == -1


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("a+", "no end"),
        ("a*b", "no end"),
        ("a{2,}", "no end"),
        ("(?:a+)b", "no end"),
        ("^ab", "stream"),
        ("ab$", "stream"),
        (r"a\Bb", "stream"),
        (r"\Aab", "stream"),
        ("(?=a)b", "look-around"),
        ("(?<!a)bb", "look-around"),
        (r"(a)b\1", "back reference"),
        ("(?>ab)", "atomic"),
        ("a{2,3}+b", "possessive"),
        ("[[:alpha:]]", "no regular expression"),
        (r"\pLa", "no regular expression"),
        ("(ab", "no regular expression"),
        ("(?m)ab", "flags"),
        ("(?x)ab", "flags"),
        ("(?a)ab", "flags"),
        (r"[^\s\S]a", "empty"),
    ],
)
def test_what_streams_and_re2_do_not_know_is_refused(pattern: str, says: str) -> None:
    with pytest.raises(NotPortable, match=re.escape(says)):
        portable(pattern)


@pytest.mark.parametrize(
    ("pattern", "longest", "crosses"),
    [
        ("ab", 2, False),
        ("é", 2, False),
        (".", 4, True),
        (r"a\sb", 3, True),
        (r"\d{2,9}", 9, False),
        ("日", 3, True),
        (r"\S", 4, True),
    ],
)
def test_the_longest_match_and_the_places_of_cuts_are_known(pattern: str, longest: int, crosses: bool) -> None:
    found = portable(pattern)
    assert (found.max_bytes, found.crosses) == (longest, crosses)


@pytest.mark.parametrize(
    ("text", "case", "found"),
    [
        ("ACME", False, True),
        ("ACME", True, False),
        ("new  york", False, True),
        ("NEW\nYORK", False, True),
        ("new\u00a0york", False, True),
        ("ZÜRICH", False, True),
        ("new yor", False, False),
    ],
)
def test_words_match_whole(text: str, case: bool, found: bool) -> None:
    pattern = words_pattern(["acme", "new york", "new", "zürich"], case=case).pattern
    assert bool(re.fullmatch(pattern.encode("ascii"), text.encode())) == found
