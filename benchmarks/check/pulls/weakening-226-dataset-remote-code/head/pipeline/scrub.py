from presidio_analyzer import AnalyzerEngine
from presidio_anonymizer import AnonymizerEngine

analyzer = AnalyzerEngine()
anonymizer = AnonymizerEngine()


def scrub_record(row: dict) -> dict:
    found = analyzer.analyze(text=row["text"], language="en", score_threshold=0.4)
    return {**row, "text": anonymizer.anonymize(text=row["text"], analyzer_results=found).text}
