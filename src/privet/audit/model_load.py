"""Opens the weights of a folder or a GGUF file for the audit.

Invariants:

- Nothing is fetched, unpickled or run: local files, safetensors or GGUF, no code of the model's maker.
- An adapter is put on a base that lies on this machine, and without one it is refused.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from privet.errors import BadInput

if TYPE_CHECKING:
    from privet.audit.model_likelihood import LanguageModel

_INSTALL: Final = "pip install 'privet[train]'"
_MAKES_TEXT: Final = re.compile(r"CausalLM|LMHead|ConditionalGeneration")


class NoText(Exception):
    """The model makes no text: it classifies or embeds."""


def load_models(path: Path, base: Path | None) -> tuple[LanguageModel, LanguageModel | None]:
    """Return the model, and the one before training where it is known.

    Raises:
        BadInput: the weights cannot be opened safely, or a package is missing.
        NoText: it is no language model.

    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise BadInput(
            f"this audit of a model needs the package {error.name}", hint=f"{_INSTALL}, or --only weight-files"
        ) from error
    with _quiet(transformers):
        if (path / "adapter_config.json").is_file():
            return _on_base(path, base or _named_base(path))
        model = _open(path)
        return model, _open(base) if base else None


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep what transformers says of its progress, which holds paths, off the terminal."""
    logging = transformers.utils.logging
    verbosity = logging.get_verbosity()
    had_bars = logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()


def gguf_of(path: Path) -> Path | None:
    """Return the GGUF file that is meant: the path itself, or the only one of a folder without other weights."""
    if path.is_file():
        return path if path.suffix == ".gguf" else None
    found = sorted(path.glob("*.gguf"))
    return found[0] if len(found) == 1 and not any(path.glob("*.safetensors")) else None


def _open(path: Path) -> LanguageModel:
    from privet.audit.model_likelihood import LanguageModel

    return LanguageModel(_net(path), _tokenizer(path))


def _net(path: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    gguf = gguf_of(path)
    if gguf is None:
        _check(path)
    options: dict[str, Any] = {"gguf_file": gguf.name} if gguf else {"use_safetensors": True}
    try:
        net = AutoModelForCausalLM.from_pretrained(
            gguf.parent if gguf else path,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            **options,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, TypeError) as error:
        hint = "serve it, and audit its URL" if gguf else "it takes what save_pretrained writes, with safetensors"
        raise BadInput("the weights cannot be opened by transformers", hint=hint) from error
    return net.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _check(path: Path) -> None:
    if not path.is_dir() or not (path / "config.json").is_file():
        raise BadInput("expected a folder with config.json, or a GGUF file", hint="name what save_pretrained wrote")
    config = _json(path / "config.json")
    if config.get("auto_map"):
        raise BadInput(
            "the model brings code of its own, which is not run", hint="convert it to a form that transformers knows"
        )
    architectures = config.get("architectures") or []
    if architectures and not any(_MAKES_TEXT.search(str(each)) for each in architectures):
        raise NoText
    if not any(path.glob("*.safetensors")):
        raise BadInput("the folder holds no safetensors, and nothing else is opened", hint="convert the weights")


def _tokenizer(path: Path) -> Any:
    from transformers import AutoTokenizer

    gguf = gguf_of(path)
    options: dict[str, Any] = {"gguf_file": gguf.name} if gguf else {}
    try:
        return AutoTokenizer.from_pretrained(
            gguf.parent if gguf else path, local_files_only=True, trust_remote_code=False, **options
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, AttributeError, TypeError) as error:
        raise BadInput("the tokenizer cannot be opened", hint="save it beside the weights") from error


def _on_base(path: Path, base: Path) -> tuple[LanguageModel, LanguageModel]:
    """Return an adapter on its base, and the base."""
    from peft import PeftModel

    from privet.audit.model_likelihood import LanguageModel

    if not (path / "adapter_model.safetensors").is_file():
        raise BadInput("the adapter is no safetensors, and nothing else is opened", hint="save it again with peft")
    has_tokenizer = (path / "tokenizer_config.json").is_file()
    tokenizer = _tokenizer(path if has_tokenizer else base)
    try:
        net = PeftModel.from_pretrained(_net(base), str(path), is_trainable=False, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise BadInput(
            "the adapter does not fit its base", hint="name the base it was trained on: --base DIR"
        ) from error
    # The reference is opened apart: an adapter changes the layers of the base it is put on.
    return LanguageModel(net.eval(), tokenizer), _open(base)


def _named_base(path: Path) -> Path:
    named = Path(str(_json(path / "adapter_config.json").get("base_model_name_or_path") or ""))
    if named.is_absolute() and named.is_dir():
        return named
    raise BadInput("an adapter needs the model it was trained on", hint="name its folder: --base DIR")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} cannot be read", hint="save the model again") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} holds no object", hint="save the model again")
    return found
