from __future__ import annotations

from random import Random

import pytest

from privet.audit.canaries import KINDS, plant
from privet.audit.canary_words import canary_words
from privet.audit.languages import LANGUAGES, OTHER, UNMEASURED, language_of

TEXTS = {
    "en": "The tree grows slowly near the water and is not as old as the path.",
    "de": "Der Baum wächst langsam am Wasser und ist nicht so alt wie der Weg.",
    "es": "El árbol crece despacio junto al agua y no es tan viejo como el camino.",
    "fr": "L'arbre pousse lentement au bord de l'eau et il est moins vieux que le chemin.",
    "it": "L'albero cresce piano vicino all'acqua e non è vecchio come la strada.",
    "nl": "De boom groeit langzaam bij het water en is niet zo oud als het pad.",
    "pl": "Drzewo rośnie powoli nad wodą i nie jest tak stare jak droga do lasu.",
    "pt": "A árvore cresce devagar junto da água e não é tão velha como o caminho.",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_are_told_apart(language: str) -> None:
    assert language_of(TEXTS[language]) == language


@pytest.mark.parametrize("text", ["", "42", "x = foo(bar)", "kettle lamp"])
def test_too_little_text_is_no_language(text: str) -> None:
    assert language_of(text) == OTHER


@pytest.mark.parametrize("text", ["дерево растёт у реки", "木は川のそばで育つ", "الشجرة تنمو ببطء"])
def test_other_scripts_are_not_measured(text: str) -> None:
    assert language_of(text) == UNMEASURED


def test_every_language_has_canaries() -> None:
    assert set(canary_words()) == set(LANGUAGES)
    assert all(len(words.given) >= 30 and len(words.surnames) >= 30 for words in canary_words().values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_canary_stands_where_it_is_said_to_stand(language: str, kind: str) -> None:
    host = f"title: short\ntext: {TEXTS[language]} {TEXTS[language]}\n"
    columns = ((0, "title"), (13, "text"))
    first, again = ([plant(host, columns, language, kind, Random(seed)) for seed in range(40)] for _ in range(2))
    assert first == again
    for planted in first:
        value = planted.text[planted.start : planted.end]
        assert value.strip() == value != ""
        assert "{" not in planted.text
        assert planted.text.startswith("title: ")
        assert "\ntext: " in planted.text
    assert len({planted.text[planted.start : planted.end] for planted in first}) > 20
