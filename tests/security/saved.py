"""Attacks by saved models: archives and HDF5 files that do more than hold weights."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import h5py
import numpy as np

from tests.security.attack import (
    A_NETWORK,
    FAILED,
    HONEST,
    RESOURCE,
    TIMEOUT,
    Attack,
    Content,
    Fill,
)
from tests.support.samples.keras_json import dense, entry, layer, sequential

# As the file says it: Keras's own Zeros takes no seed, not even None.
_ZEROS = {
    "module": "keras.initializers",
    "class_name": "Zeros",
    "config": {},
    "registered_name": None,
}
_LAYERS = (
    entry(784),
    dense(64, "hidden1", activation="relu", bias_initializer=_ZEROS),
    dense(32, "hidden2", activation="relu", bias_initializer=_ZEROS),
    dense(10, "predictions", activation="softmax", bias_initializer=_ZEROS),
)
_SIZES = ((784, 64), (64, 32), (32, 10))
_METADATA = {"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}


def keras_config(*rows: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `config.json` of a Sequential model, as Keras writes it."""
    model = sequential(*(dict(row) for row in rows or _LAYERS))
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": model["config"],
        "registered_name": None,
        "build_config": {"input_shape": [None, 784]},
    }


def weights_file(change: Callable[[h5py.File], None] = lambda _: None) -> bytes:
    """Returns `model.weights.h5` with weights of zero, with a change."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for index, (inputs, units) in enumerate(_SIZES):
            name = "dense" if index == 0 else f"dense_{index}"
            group = file.create_group(f"layers/{name}/vars")
            group["0"] = np.zeros((inputs, units), "f4")
            group["1"] = np.zeros(units, "f4")
        change(file)
    return buffer.getvalue()


def archive(
    config: object = None,
    weights: bytes | None = None,
    members: Mapping[str, bytes] | None = None,
    fill: Fill = str,
) -> bytes:
    """Returns a `.keras` file, perhaps with further members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("metadata.json", json.dumps(_METADATA))
        packed.writestr(
            "config.json", fill(json.dumps(keras_config() if config is None else config))
        )
        packed.writestr("model.weights.h5", weights_file() if weights is None else weights)
        for name, content in (members or {}).items():
            packed.writestr(fill(name), content)
    return buffer.getvalue()


def _bomb(name: str, size: int) -> bytes:
    """A zip whose one member is spaces, deflated a thousandfold, without packing each of them."""
    step = 16 << 20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * step) + packer.flush(zlib.Z_FULL_FLUSH)
    data = block * (size // step) + packer.flush()
    # The checksum is wrong, which shows only after all of it is unpacked.
    head = struct.pack("<HHHHHLLL", 20, 0, 8, 0, 33, 0, len(data), size)
    local = b"PK\3\4" + head + struct.pack("<HH", len(name), 0) + name.encode() + data
    entry_ = b"PK\1\2" + struct.pack("<H", 20) + head
    entry_ += struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, 0, 0) + name.encode()
    end = b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(entry_), len(local), 0)
    return local + entry_ + end


def _symlink(target: str) -> bytes:
    """A `.keras` file whose weights are a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("metadata.json", json.dumps(_METADATA))
        packed.writestr("config.json", json.dumps(keras_config()))
        link = zipfile.ZipInfo("model.weights.h5")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        packed.writestr(link, target)
    return buffer.getvalue()


_CLIMBING = {
    "../../../../tmp/@MARK@": b"x",
    "/tmp/@MARK@": b"x",  # noqa: S108  (that is where it would be found)
    "../@MARK@": b"x",
}

# What `pickle` calls when it loads this: os.system("touch …").
_PICKLE = b"cos\nsystem\n(S'touch @STORE@/@MARK@ /tmp/@MARK@'\ntR."

_LAMBDA = layer(
    "Lambda",
    "trick",
    function={"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None}},
)


def _gadget(module: str, name: str, **arguments: Any) -> dict[str, Any]:
    """A layer that is no layer, but whatever function it names."""
    config = {"name": "gadget", **arguments}
    return {"module": module, "class_name": name, "config": config, "registered_name": name}


def _with_gadget(gadget: dict[str, Any]) -> Content:
    """A network one of whose layers is a gadget, its marks filled in when it is packed."""
    return lambda fill: archive(keras_config(_LAYERS[0], gadget), fill=fill)


def _named_function(module: str, name: str) -> dict[str, Any]:
    """A Lambda that names a function of Keras or of Python."""
    function = {"module": module, "class_name": "function", "config": name}
    return layer("Lambda", "call", function={**function, "registered_name": "function"})


def _reshape_first(shape: tuple[int, ...]) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        group = file["layers/dense/vars"]
        del group["0"]
        chunks = tuple(min(size, 64) for size in shape)
        group.create_dataset("0", shape, "f4", chunks=chunks, fillvalue=0)

    return change


def _external(file: h5py.File, fill: Fill) -> None:
    group = file["layers/dense/vars"]
    del group["0"]
    place = [(fill("@STORE@/secret"), 0, 4 * 784 * 64)]
    group.create_dataset("0", (784, 64), "f4", external=place)


def _linked(file: h5py.File, fill: Fill) -> None:
    group = file["layers/dense/vars"]
    del group["0"]
    group["0"] = h5py.ExternalLink(fill("@STORE@/secret.h5"), "/secret")


def _cyclic(file: h5py.File) -> None:
    file["layers/dense/again"] = h5py.SoftLink("/layers")
    file["layers/self"] = file["layers"]


def _not_a_number(file: h5py.File) -> None:
    file["layers/dense/vars/0"][:] = np.nan


def _legacy(config: object) -> bytes:
    """A whole model as `.h5`, as Keras 2 wrote it."""

    def change(file: h5py.File) -> None:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(config)

    return weights_file(change)


def _row(
    suffix: str,
    name: str,
    why: str,
    content: Content,
    ends: set[str] | frozenset[str],
    **more: Any,
) -> Attack:
    main = f"model.{suffix}"
    return Attack(name, "saved", why, {main: content}, main, frozenset(ends), **more)


_keras, _h5 = partial(_row, "keras"), partial(_row, "h5")
_ANY = A_NETWORK | {FAILED}

SAVED: tuple[Attack, ...] = (
    _keras("saved_honest", "Nothing: what the others are held against.", archive(), {HONEST}),
    _keras(
        "zip_bomb",
        "Three gigabytes of configuration in three megabytes.",
        _bomb("config.json", 3 << 30),
        {FAILED, RESOURCE, TIMEOUT},
    ),
    _keras(
        "zip_that_climbs",
        "Members whose names lead out of the folder.",
        lambda fill: archive(members=_CLIMBING, fill=fill),
        _ANY,
    ),
    _keras(
        "zip_with_a_link",
        "A member that is a symbolic link to a file of the grader.",
        lambda fill: _symlink(fill("@STORE@/secret")),
        {FAILED},
    ),
    _keras(
        "zip_of_many",
        "Twenty thousand members.",
        archive(members={f"assets/{number}": b"" for number in range(20_000)}),
        _ANY | {TIMEOUT},
    ),
    _keras(
        "zip_twice",
        "Two members of one name: one that is checked and one that is used.",
        archive(None, None) + archive(keras_config(_LAYERS[0], _LAMBDA, _LAYERS[3])),
        {FAILED},
    ),
    _keras(
        "lambda_in_a_file",
        "A layer that is code, which loading runs.",
        archive(keras_config(_LAYERS[0], _LAMBDA, *_LAYERS[1:])),
        {FAILED},
    ),
    _keras(
        "lambda_by_name",
        "A Lambda that names a function which loading allows, though it reads files.",
        archive(keras_config(_LAYERS[0], _named_function("keras.saving", "load_model"))),
        {FAILED},
    ),
    _keras(
        "function_as_a_layer",
        "A configuration that names a function of Python where a layer should be.",
        _with_gadget(_gadget("os", "system", command="touch @STORE@/@MARK@")),
        {FAILED},
    ),
    _keras(
        "download_as_a_layer",
        "A configuration that has Keras download and unpack an archive.",
        _with_gadget(
            _gadget(
                "keras.utils",
                "get_file",
                fname="@MARK@",
                origin="http://127.0.0.1:@PORT@/x",
                cache_dir="@STORE@",
            )
        ),
        {FAILED},
    ),
    _keras(
        "model_of_os",
        "A configuration whose model itself is a function of Python.",
        lambda fill: archive(_gadget("os", "system", command="touch @STORE@/@MARK@"), fill=fill),
        {FAILED},
    ),
    _keras("no_archive", "A file that is no archive at all.", b"PK\3\4" + b"\xff" * 5000, {FAILED}),
    _keras("cut_archive", "An archive that stops in the middle.", archive()[:-3000], {FAILED}),
    _keras(
        "pickle_as_keras",
        "A pickle, which runs code when it is loaded, called .keras.",
        _PICKLE,
        {FAILED},
    ),
    _h5("pickle_as_h5", "A pickle, called .h5.", _PICKLE, {FAILED}),
    _h5(
        "lambda_in_h5",
        "A layer that is code in the older format, whose loader had no safe mode.",
        _legacy(keras_config(_LAYERS[0], _LAMBDA, *_LAYERS[1:])),
        {FAILED},
    ),
    _h5(
        "cut_h5",
        "A file of HDF5 that stops in the middle.",
        _legacy(keras_config())[:2000],
        {FAILED},
    ),
    _h5(
        "h5_without_a_model",
        "Weights without the network they belong to.",
        weights_file(),
        {FAILED},
    ),
    _keras(
        "weights_of_another_shape",
        "Weights that do not fit the network.",
        archive(weights=weights_file(_reshape_first((784, 65)))),
        _ANY,
    ),
    _keras(
        "shape_bomb",
        "A weight array that is small in the file and a petabyte in memory.",
        archive(weights=weights_file(_reshape_first((10**9, 10**5)))),
        _ANY | {RESOURCE},
    ),
    _keras(
        "weights_from_outside",
        "Weights that HDF5 is to read from a file of the grader.",
        lambda fill: archive(weights=weights_file(partial(_external, fill=fill))),
        _ANY,
    ),
    _keras(
        "weights_by_a_link",
        "Weights that are a link to a file of the grader.",
        lambda fill: archive(weights=weights_file(partial(_linked, fill=fill))),
        _ANY,
    ),
    _keras(
        "weights_in_a_circle",
        "Groups that contain themselves, for the program that walks them.",
        archive(weights=weights_file(_cyclic)),
        _ANY,
    ),
    _keras(
        "weights_not_a_number",
        "Weights that are NaN, which compare as one likes.",
        archive(weights=weights_file(_not_a_number)),
        _ANY,
    ),
)
