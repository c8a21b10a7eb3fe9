"""The card in the forms of others, held against what their specifications say."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jsonschema import Draft7Validator

from privet.card.croissant import as_croissant
from privet.card.cyclonedx import as_bom
from privet.card.evidence import read
from privet.card.facts import Facts, facts_of
from privet.card.intoto import as_envelope
from privet.card.name import name_of
from privet.card.spdx import as_spdx
from privet.card.weights import digests
from privet.errors import BadInput

BOM = json.loads((Path(__file__).parent / "cyclonedx-1.7-part.json").read_text())
# model/*/Classes of spdx/spdx-3-model 3.0.1, as spdx-context.jsonld names them.
ELEMENT = {"type", "spdxId", "creationInfo", "name"}
SPDX = {
    "SoftwareAgent": ELEMENT,
    "ai_AIPackage": ELEMENT
    | {
        "software_primaryPurpose",
        "ai_limitation",
        "ai_useSensitivePersonalInformation",
        "ai_informationAboutTraining",
        "ai_hyperparameter",
    }
    | {"ai_modelDataPreprocessing", "ai_metric"},
    "dataset_DatasetPackage": ELEMENT
    | {
        "software_primaryPurpose",
        "dataset_datasetType",
        "dataset_intendedUse",
        "dataset_hasSensitivePersonalInformation",
    }
    | {"dataset_anonymizationMethodUsed", "dataset_dataPreprocessing"},
    "software_File": ELEMENT | {"software_primaryPurpose", "verifiedUsing"},
    "Relationship": (ELEMENT - {"name"}) | {"relationshipType", "from", "to"},
    "software_Sbom": (ELEMENT - {"name"}) | {"rootElement", "element", "profileConformance"},
    "SpdxDocument": ELEMENT | {"rootElement", "element", "profileConformance"},
}
# docs/croissant-rai-spec.md, "RAI property information".
RAI = {
    "dataCollection", "dataCollectionType", "dataCollectionMissingData", "dataCollectionRawData", "dataCollectionTimeframe",
    "dataImputationProtocol", "dataManipulationProtocol", "dataPreprocessingProtocol", "dataAnnotationProtocol", "dataAnnotationPlatform",
    "dataAnnotationAnalysis", "dataReleaseMaintenancePlan", "personalSensitiveInformation", "dataSocialImpact", "dataBiases",
    "dataLimitations", "dataUseCases", "annotationsPerItem", "annotatorDemographics", "machineAnnotationTools",
}  # fmt: skip
MANY = {"dataPreprocessingProtocol", "personalSensitiveInformation", "dataLimitations", "dataUseCases"}


def facts_in(model: Any) -> Facts:
    return facts_of(read(model.folder)[0], *digests(model.folder))


@pytest.fixture(params=["nothing", "training and audit", "all"])
def facts(request: pytest.FixtureRequest, model: Any) -> Facts:
    """Return the facts of models with none, some and all evidence."""
    kinds = ("training", "audit", "endpoint", "manifest", "dataset_audit")
    for kind in kinds[: {"nothing": 0, "training and audit": 2, "all": 5}[request.param]]:
        getattr(model, kind)()
    return facts_in(model)


def test_the_bill_fits_cyclonedx_1_7(facts: Facts) -> None:
    Draft7Validator(BOM).validate(as_bom(facts, "My model"))


def test_the_bill_fits_the_whole_schema_where_it_is_installed(facts: Facts) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion  # type: ignore[import-not-found,unused-ignore]

    assert (
        validation.JsonStrictValidator(SchemaVersion.V1_7).validate_str(json.dumps(as_bom(facts, "My model"))) is None
    )


def test_the_bill_says_what_evidence_says(full: Any) -> None:
    model = as_bom(facts_in(full), "My model")["metadata"]["component"]
    assert (model["type"], model["name"]) == ("machine-learning-model", "My model")
    assert model["components"][0]["hashes"] == [{"alg": "SHA-256", "content": full.digests()["model.safetensors"]}]
    metrics = {one["type"]: one for one in model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]}
    assert metrics["differential privacy epsilon"]["value"] == "7.931"
    assert metrics["extraction rate (pass)"]["confidenceInterval"] == {"lowerBound": "0", "upperBound": "0.0122"}
    limits = model["modelCard"]["considerations"]["technicalLimitations"]
    assert len(limits) == 1
    assert limits[0].startswith("not measured: endpoint")


def test_a_test_that_fails_is_a_risk(model: Any) -> None:
    test = {
        "id": "extraction",
        "verdict": "fail",
        "samples": 10,
        "hits": 3,
        "interval": [0.06, 0.66],
        "says": "3 came out",
        "figures": {},
    }
    model.audit([test])
    card = as_bom(facts_in(model), "m")["metadata"]["component"]["modelCard"]
    assert {"name": "extraction: 3 came out", "mitigationStrategy": "none: this test fails"} in card["considerations"][
        "ethicalConsiderations"
    ]


def test_croissant_has_only_fields_of_its_specification(facts: Facts) -> None:
    document = as_croissant(facts)
    named = {key.removeprefix("rai:"): value for key, value in document.items() if key.startswith("rai:")}
    assert set(named) <= RAI
    assert all(
        isinstance(value, list) and all(isinstance(one, str) for one in value)
        for key, value in named.items()
        if key in MANY
    )
    assert set(named) <= MANY
    assert document["conformsTo"] == ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"]
    assert document["@type"] == "sc:Dataset"


def test_spdx_has_only_properties_of_its_classes_and_every_reference_leads_somewhere(facts: Facts) -> None:
    document = as_spdx(facts, "My model")
    assert document["@context"] == "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    info, *elements = document["@graph"]
    assert info["specVersion"] == "3.0.1"
    known = {element["spdxId"] for element in elements}
    assert len(known) == len(elements)
    for element in elements:
        assert set(element) <= SPDX[element["type"]], element["type"]
        assert element["creationInfo"] == info["@id"]
        for name in ("from", "to", "rootElement", "element"):
            named = element.get(name, [])
            for one in [named] if isinstance(named, str) else named:
                assert one in known or one.endswith("/ExpandedLicensing/NoAssertionLicense")
    packages = [element for element in elements if element["type"].endswith("Package")]
    for package in packages:
        for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
            relations = [
                one for one in elements if one.get("relationshipType") == kind and one["from"] == package["spdxId"]
            ]
            assert len(relations) == 1


def test_spdx_says_what_evidence_says(full: Any) -> None:
    elements = {element["type"]: element for element in as_spdx(facts_in(full), "My model")["@graph"][1:]}
    entries = {one["key"]: one["value"] for one in elements["ai_AIPackage"]["ai_metric"]}
    assert entries["differential privacy epsilon, subject"] == "7.931"
    assert entries["extraction rate (pass), model"] == "0 [0, 0.0122]"
    assert elements["dataset_DatasetPackage"]["name"] == "tickets"


def test_exports_are_the_same_each_time(full: Any) -> None:
    for make in (lambda facts: as_bom(facts, "m"), lambda facts: as_spdx(facts, "m"), as_croissant):
        assert json.dumps(make(facts_in(full))) == json.dumps(make(facts_in(full)))


def opened(envelope: dict[str, Any], key: bytes) -> dict[str, Any]:
    """Return the statement in an envelope, as the protocol of DSSE has it: encoding written out here."""
    kind, body = envelope["payloadType"].encode(), b64decode(envelope["payload"], validate=True)
    encoded = b" ".join((b"DSSEv1", str(len(kind)).encode(), kind, str(len(body)).encode(), body))
    Ed25519PublicKey.from_public_bytes(key).verify(b64decode(envelope["signatures"][0]["sig"]), encoded)
    statement: dict[str, Any] = json.loads(body)
    return statement


def test_the_attestation_is_signed_and_is_of_all_weights(full: Any) -> None:
    full.weights("onnx/model.onnx", b"more")
    envelope = as_envelope(facts_in(full), full.signer)
    key = b64decode(full.signer.signed({})["signature"]["public_key"])
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert envelope["signatures"][0]["keyid"] == hashlib.sha256(key).hexdigest()
    statement = opened(envelope, key)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [
        {"name": "model.safetensors", "digest": {"sha256": hashlib.sha256(b"weights").hexdigest()}},
        {"name": "onnx/model.onnx", "digest": {"sha256": hashlib.sha256(b"more").hexdigest()}},
    ]
    assert statement["predicate"]["privacy"]["epsilon"] == 7.931
    with pytest.raises(InvalidSignature):
        opened(envelope | {"payloadType": "application/json"}, key)


def test_nothing_is_attested_without_weights(model: Any) -> None:
    (model.folder / "model.safetensors").unlink()
    with pytest.raises(BadInput, match="no weights"):
        as_envelope(facts_in(model), model.signer)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("---\nmodel_name: Ours\n---\n# Title\n", "Ours"),
        ("---\nlicense: mit\n---\n\n# The title\n", "The title"),
        ("---\n# a comment\nlicense: mit\n---\n", "model"),
        (None, "model"),
    ],
)
def test_a_model_is_called_by_its_card_and_never_by_its_folder(model: Any, text: str | None, name: str) -> None:
    if text is not None:
        model.card.write_text(text)
    assert name_of(model.folder) == name
