"""Open a language model by its locator. A local model never causes a network call; an endpoint is one.

torch and transformers are imported here, when a model is opened, and not before.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commonweal.errors import LocatorError, NotApplicable, require
from commonweal.models.cache.model_cache import Converted, converted
from commonweal.models.checks.model_check import check_folder
from commonweal.models.checks.safetensors_file import read_safetensors_header
from commonweal.models.engine.generation import end_tokens
from commonweal.models.engine.precision import FLOAT32, check_precision, in_precision
from commonweal.models.exchange.address import SCHEME
from commonweal.models.file_hashes import model_files, model_fingerprint, sha256_of_files, weight_files
from commonweal.models.foreign import foreign_faults
from commonweal.models.locators import locate_model
from commonweal.models.quiet import quiet
from commonweal.system.permissions import Permissions

if TYPE_CHECKING:
    from commonweal.models.endpoint.openai_model import OpenAIModel
    from commonweal.models.engine.local import LocalModel

# How long an OpenMP thread of torch waits before it sleeps. The default spins: on 2 cores shared with one other busy
# process that made scoring 3 to 6 times slower; with this count it is as fast on a free machine.
SPIN = "10000"
NOTHING_ALLOWED = Permissions()
# How much larger than its files a network may be before it is made: some layouts share weights that are stored once.
SLACK = 2
MOST_BUFFERS = 1 << 28  # numbers that a network keeps beside its weights, such as a mask of all positions: 1 GB


def open_model(
    locator: str,
    *,
    folder: Path | str | None = ".",
    permissions: Permissions = NOTHING_ALLOWED,
    device: str = "auto",
    dtype: str = FLOAT32,
) -> LocalModel | OpenAIModel:
    """Open the model at `locator`: `embedded:smollm2`, a folder, a `.gguf` file, `hf:ORG/NAME` or `openai:URL#MODEL`.

    The last one is an `OpenAIModel`, which writes and cannot be scored; `device` and `dtype` mean nothing to it.

    Parameters
    ----------
    folder : paths are relative to it, and may not leave it without `permissions.read`. None: relative to the current
        folder and without that fence, for a path that you name yourself.
    device : "auto" (CUDA, else MPS, else CPU) or a torch device such as "cpu" or "cuda:1".
    dtype : "float32", "bfloat16" or "int8", see precision.py.

    Raises
    ------
    LocatorError, PermissionRequired, MissingExtra : each says how to mend it.
    """
    if locator.startswith(SCHEME):
        from commonweal.models.endpoint.openai_model import open_endpoint  # noqa: PLC0415 - brings in httpx, which few systems need

        return open_endpoint(locator, permissions)
    return open_local_model(locator, folder=folder, permissions=permissions, device=device, dtype=dtype)


def open_local_model(
    locator: str,
    *,
    folder: Path | str | None = ".",
    permissions: Permissions = NOTHING_ALLOWED,
    device: str = "auto",
    dtype: str = FLOAT32,
) -> LocalModel:
    """Open a model in this process, as `open_model` does; an endpoint, which cannot be scored, is refused."""
    check_precision(dtype)
    if locator.startswith(SCHEME):
        raise LocatorError(
            f"{locator}: an endpoint only writes text, and has no log-probabilities to score; name a local model"
        )
    located = locate_model(locator, None if folder is None else Path(folder), permissions)
    if located.form == "predictions":
        raise NotApplicable(f"{locator}: a file of answers, of which nothing more can be asked")
    if located.form == "directory":
        check_folder(located.path)
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN)
    with ThreadPoolExecutor(max_workers=1) as pool:
        reading = pool.submit(_read, located.path) if located.form == "directory" else pool.submit(converted, located)
        torch = require("torch", extra="models")
        if reading.done():
            reading.result()  # a fault of the files is told before the slower library comes in
        where = chosen_device(device)
        with quiet():
            require("transformers", extra="models")
        source = reading.result()
    with quiet(), foreign_faults(f"{locator}: transformers cannot open it from {source.directory}"):
        network, tokenizer = _opened(source.directory, ours=located.form == "gguf")
        in_precision(network, dtype).to(torch.device(where)).eval()
        _try(network, tokenizer, where)
    from commonweal.models.engine.local import LocalModel  # noqa: PLC0415

    fingerprint = model_fingerprint(source.hashes, dtype)
    opened = LocalModel(
        network,
        tokenizer,
        directory=source.directory,
        locator=locator,
        fingerprint=fingerprint,
        device=where,
        dtype=dtype,
    )
    opened.remarks += source.remarks
    return opened


def chosen_device(device: str) -> str:
    """The torch device for "auto" or for a name; LocatorError where this machine has no such device."""
    torch = require("torch", extra="models")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise LocatorError(
            f"device '{device}' cannot be used here ({reason}); expected auto, cpu, cuda or mps"
        ) from error
    return device


def _read(directory: Path) -> Converted:
    return Converted(directory, sha256_of_files(model_files(directory)))


def _opened(directory: Path, *, ours: bool) -> tuple[Any, Any]:
    """Network and tokenizer; `ours`: the directory was converted here."""
    plain = ours and json.loads((directory / "config.json").read_text(encoding="utf-8"))["model_type"] == "llama"
    return _plain_llama(directory) if plain else _automatic(directory)


def _try(network: Any, tokenizer: Any, device: str) -> None:
    """Raise now, on one token, what a wrong field of a configuration would have the libraries raise in the midst of
    a run.
    """
    torch = require("torch", extra="models")
    end_tokens(network, tokenizer)
    tokenizer.decode(tokenizer.encode("a"), skip_special_tokens=True)
    tokenizer(["a"], add_special_tokens=False, return_attention_mask=False, verbose=False)
    with torch.inference_mode():
        network(input_ids=torch.zeros(1, 1, dtype=torch.long, device=device), use_cache=True)


def _plain_llama(directory: Path) -> tuple[Any, Any]:
    """A directory that conversion.py wrote, opened without the search that transformers makes (1 s instead of 3 s)."""
    torch = require("torch", extra="models")
    llama = require("transformers.models.llama.modeling_llama", extra="models")
    files = {
        name: json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("config", "tokenizer_config")
    }
    settings = {key: value for key, value in files["tokenizer_config"].items() if key != "tokenizer_class"}
    tokens = require("transformers", extra="models").PreTrainedTokenizerFast(
        tokenizer_file=str(directory / "tokenizer.json"), **settings
    )
    config = llama.LlamaConfig(**files["config"])
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        network = llama.LlamaForCausalLM(config)
    weights = require("safetensors.torch", extra="models").load_file(directory / "model.safetensors")
    unplaced = network.load_state_dict(weights, assign=True, strict=False)
    network.tie_weights()
    network.model.rotary_emb = llama.LlamaRotaryEmbedding(config)
    empty = [name for name, parameter in network.named_parameters() if parameter.is_meta]
    if empty or unplaced.unexpected_keys:
        raise ValueError(
            f"its weights do not fit its configuration: {', '.join([*empty, *unplaced.unexpected_keys][:3])}"
        )
    return network, tokens


def _automatic(directory: Path) -> tuple[Any, Any]:
    torch = require("torch", extra="models")
    transformers = require("transformers", extra="models")
    local = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(directory, **local)
    _check_size(config, directory)
    tokens = transformers.AutoTokenizer.from_pretrained(directory, **local)
    network, report = transformers.AutoModelForCausalLM.from_pretrained(
        directory,
        **local,
        dtype=torch.float32,
        use_safetensors=True,
        output_loading_info=True,
        attn_implementation="sdpa",
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise ValueError(f"weights are missing and would be random: {', '.join(missing[:3])}")
    return network, tokens


def _check_size(config: Any, directory: Path) -> None:
    """ValueError where the network of this configuration, what it leaves to the library included, is far larger than
    its weights.

    It is laid out without memory for that. A network with weights that are not there is refused later in any case;
    before that the library would fill them with random numbers.
    """
    torch, transformers = require("torch", extra="models"), require("transformers", extra="models")
    packed = (
        getattr(config, "quantization_config", None) is not None
    )  # several weights in a number, at least a bit each
    with torch.device("meta"):
        network = transformers.AutoModelForCausalLM.from_config(config)
    headers = map(read_safetensors_header, weight_files(directory))
    held = sum(header.size * 8 if packed else header.parameters for header in headers)
    wanted = sum(parameter.numel() for parameter in network.parameters())
    beside = sum(buffer.numel() for buffer in network.buffers())
    if wanted > SLACK * held or beside > max(MOST_BUFFERS, SLACK * held):
        raise ValueError(
            f"its configuration is that of a network with {wanted:,} weights and {beside:,} other numbers; its files "
            f"hold {held:,}"
        )
