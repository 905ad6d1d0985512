"""From the options of ``jpegx eval`` to all that a run needs, opened and checked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jpegx.errors import JpegxError
from jpegx.evaluation.benchmark.context import Instruments, PairedDistance
from jpegx.evaluation.benchmark.decoders import Decoder, FolderDecoder, open_models
from jpegx.evaluation.benchmark.jpegs import (
    CompressedHere,
    Jpegs,
    NoJpegs,
    jpeg_folder,
    without_suffix,
)
from jpegx.evaluation.benchmark.originals import DataSet, find_data_sets, read_pixels
from jpegx.evaluation.benchmark.request import Request
from jpegx.evaluation.benchmark.rows import ORIGINALS, REFERENCE
from jpegx.evaluation.benchmark.sets import Features
from jpegx.io.paths import file_digest
from jpegx.metrics.dists import Dists
from jpegx.metrics.features import NETWORKS, open_features
from jpegx.metrics.frozen_network import FrozenNetwork, MissingNetwork, read_tensors
from jpegx.metrics.inception import Inception, find_inception
from jpegx.metrics.lpips import Lpips
from jpegx.metrics.niqe import Niqe, default_niqe
from jpegx.metrics.vgg_layers import load_blocks
from jpegx.models import zoo
from jpegx.sampling.hardware import choose_device
from jpegx.sampling.sampler import Sampler
from jpegx.sampling.spec import SamplerSpec
from jpegx.training.data.images import find_images


class SameName(JpegxError):
    """Two decoders that the tables could not tell apart."""


@dataclass(frozen=True)
class Plan:
    """What is measured on what, by what.

    ``reference``: other originals, to be compared with those of the sets; ``real``: real pictures
    that FID is measured against in the place of the originals; None for none.
    """

    request: Request
    data_sets: list[DataSet]
    jpegs: list[Jpegs]
    decoders: list[Decoder]
    reference: DataSet | None
    real: DataSet | None
    instruments: Instruments

    @property
    def steps(self) -> int:
        """How often ``Context.advance`` is called, at most."""
        pictures = sum(len(data_set.names) for data_set in self.data_sets)
        return pictures * (1 + len(self.jpegs) * len(self.decoders))


def make_plan(request: Request) -> Plan:
    """Everything that the options name, opened. Raises JpegxError if something is not there."""
    data_sets = find_data_sets(request.originals)
    reference = None if request.reference is None else find_data_sets([request.reference])[0]
    real = None if request.fid_reference is None else find_data_sets([request.fid_reference])[0]
    networks, missing = _networks(request)
    files = [path for path in (request.vgg16, request.lpips, request.dists) if path]
    instruments = Instruments(
        niqe=_niqe(request.niqe),
        features=_features(request) if request.fid else None,
        networks=networks,
        missing=missing,
        paired=_paired(request),
        digests=tuple(file_digest(path) for path in files),
    )
    _check_crops(request, data_sets)
    decoders = _decoders(request)
    return Plan(request, data_sets, _jpegs(request), decoders, reference, real, instruments)


def _jpegs(request: Request) -> list[Jpegs]:
    if request.jpegs is not None:
        found, protocol = jpeg_folder(request.jpegs), request.protocol
        if protocol is not None and found.quality not in protocol.qualities:
            numbers = ", ".join(map(str, protocol.qualities))
            raise JpegxError(
                f"{request.jpegs}: not files of one of the qualities {numbers}, which --protocol "
                f"{protocol.name} has"
            )
        return [found]
    if request.decoded:
        return [NoJpegs()]
    return [CompressedHere(quality, request.subsampling) for quality in request.qualities]


def _decoders(request: Request) -> list[Decoder]:
    models: Sequence[SamplerSpec | Sampler] = request.models
    if not models and not request.decoded:
        # The rows of the field's tables: without a network, then regression, then a sampler.
        names = ("standard", "laplace", *reversed(zoo.installed()))
        models = [replace(request.defaults, model=name) for name in names]
        models[0] = replace(request.defaults, model="standard", chroma=request.chroma)
    decoders = open_models(models, request.seed, request.projection, plain=request.plain_projection)
    decoders += [FolderDecoder(folder) for folder in request.decoded]
    rows = Counter([row for decoder in decoders for row in decoder.rows] + [ORIGINALS, REFERENCE])
    twice = [name for name, count in rows.items() if count > 1]
    if twice:
        raise SameName(f"{twice[0]}: two rows of the table would be called so; rename one")
    return decoders


def _niqe(path: Path | None) -> Niqe:
    if path is None:
        return default_niqe()
    if not path.is_dir():
        return Niqe.load(path)
    pictures = (read_pixels(picture, gray=False) for picture in find_images(path))
    return Niqe.fit(pictures, str(path))


def _paired(request: Request) -> dict[str, PairedDistance]:
    found: dict[str, PairedDistance] = {}
    if request.vgg16 is not None:
        blocks = load_blocks(request.vgg16)
        if request.lpips is not None:
            found["lpips"] = Lpips(blocks, read_tensors(request.lpips), request.lpips)
        if request.dists is not None:
            found["dists"] = Dists(blocks, read_tensors(request.dists), request.dists)
    return found


def _check_crops(request: Request, data_sets: Sequence[DataSet]) -> None:
    there = {name for data_set in data_sets for name in data_set.names}
    there |= {without_suffix(name) for name in there}
    for place in request.crops:
        if place.picture not in there:
            raise JpegxError(f"--crops {place.picture}: no such picture among the originals")


def _networks(request: Request) -> tuple[dict[str, FrozenNetwork], tuple[str, ...]]:
    """The networks to compare sets by, and a line about each that was not asked for nor there."""
    device, found, missing = choose_device(request.defaults.device), {}, []
    if request.protocol is not None and not request.networks:
        return {}, ()  # no paper's table has them, and they take most of the time
    for name in request.networks or NETWORKS:
        try:
            found[name] = open_features(name, device)
        except MissingNetwork as error:
            if request.networks:
                raise
            missing.append(str(error))
    return found, tuple(missing)


def _features(request: Request) -> Features:
    path = find_inception(request.inception)
    inception = Inception(path, choose_device(request.defaults.device))
    repeats = request.repeats or request.samples
    return Features(inception, file_digest(path), request.patches, repeats)
