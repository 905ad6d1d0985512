"""The options of ``jpegx eval``."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from jpegx.cli.arguments import NamedPath
from jpegx.cli.shared_options import (
    address_option,
    device_option,
    executor_option,
    precision_option,
    self_ensemble_option,
    temperature_option,
)
from jpegx.evaluation.benchmark.request import Place, Request
from jpegx.evaluation.protocols.protocol import UnknownProtocol, read_protocol


def _qualities(context: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        qualities = tuple(dict.fromkeys(int(word) for word in value.split(",")))
    except ValueError:
        raise click.BadParameter("write whole numbers with commas, as in 5,10,20.") from None
    if not all(1 <= quality <= 100 for quality in qualities):
        raise click.BadParameter("qualities go from 1 to 100.")
    return qualities


def _places(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> tuple[Place, ...]:
    places = []
    for value in values:
        found = re.fullmatch(r"(.+):(\d{1,9}),(\d{1,9})(?:,(\d{1,4})x(\d{1,4}))?", value)
        if not found:
            raise click.BadParameter("write PICTURE:X,Y or PICTURE:X,Y,WxH, as in bird.png:120,64.")
        place = Place(found[1], (int(found[2]), int(found[3])))
        if found[4]:
            place = replace(place, size=(int(found[4]), int(found[5])))
        if not all(16 <= side <= 1024 for side in place.size):
            raise click.BadParameter("crops have 16 to 1024 pixels each way.")
        places.append(place)
    return tuple(places)


def _protocol(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value == "list":
        from jpegx.evaluation.report.protocol_list import protocol_list

        click.echo(protocol_list())
        context.exit()
    if value is not None:
        try:
            read_protocol(value)
        except UnknownProtocol as error:
            raise click.BadParameter(f"{error}.") from None
    return value


_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.argument(
        "originals",
        nargs=-1,
        required=True,
        type=NamedPath(),
        metavar="ORIGINALS...",
    ),
    click.option(
        "--model",
        "models",
        multiple=True,
        metavar="NAME|FILE",
        help="A decoder to measure, as in jpegx decode --model; more than one way of it with "
        "options behind the name, as in general:temperature=0.5; another program as "
        "'command:WORDS', a restorer as restorer:FILE, as --restorer-command and --restorer of "
        "decode. Again for more.  [default: standard, laplace and all weights that are installed]",
    ),
    click.option(
        "--decoded",
        "decoded",
        multiple=True,
        type=NamedPath(),
        metavar="FOLDER",
        help="Pictures that another program made, named like the originals (several samples: "
        "NAME_0, NAME_1, ...). Again for more.",
    ),
    click.option(
        "--jpegs",
        type=NamedPath("folder"),
        metavar="FOLDER",
        help="JPEG files of the originals, named like them, instead of --quality.",
    ),
    click.option(
        "--export-jpegs",
        type=NamedPath(),
        metavar="FOLDER",
        help="Write the JPEG files that are made of the originals into q10/ and so on in this "
        "folder, too: for other programs, whose pictures --decoded and --jpegs then measure. No "
        "other file is replaced.",
    ),
    click.option(
        "--protocol",
        metavar="NAME|list",
        is_eager=True,
        callback=_protocol,
        help="Measure as a table or figure of a paper does, with its published rows beside the "
        "measured ones; list says which there are and what each needs.",
    ),
    click.option(
        "--quality",
        "qualities",
        default=",".join(map(str, Request.qualities)),
        show_default=True,
        callback=_qualities,
        metavar="Q,...",
        help="IJG qualities at which libjpeg compresses the originals.",
    ),
    click.option(
        "--subsampling",
        type=click.Choice(["4:4:4", "4:2:2", "4:2:0"]),
        default=Request.subsampling,
        show_default=True,
        help="Of the chroma, when the originals are compressed.",
    ),
    click.option("--gray", is_flag=True, help="Make the originals gray first (luma, 16-235)."),
    click.option(
        "--crop",
        type=click.IntRange(min=64),
        metavar="PIXELS",
        help="Cut the centre square of each original first and reduce it to this size.",
    ),
    click.option(
        "--projection",
        type=click.Choice(["both", "with", "without"]),
        default=Request.projection,
        show_default=True,
        help="Measure each model with projection (exactly consistent), without, or both.",
    ),
    click.option(
        "--plain-projection",
        is_flag=True,
        help="Measure each model also with the plain projection of Man et al. 2022 (Eq. 11), "
        "clamped and rounded, which is not exact.",
    ),
    click.option(
        "-n",
        "--samples",
        type=click.IntRange(min=1),
        default=Request.samples,
        show_default=True,
        metavar="N",
        help="Samples per file, for their mean, standard deviation and calibration; all other "
        "figures are those of the first.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0, max=2**32 - 1),
        default=Request.seed,
        show_default=True,
        metavar="N",
        help="Same seed, same figures.",
    ),
    click.option(
        "--niqe",
        type=NamedPath("either"),
        metavar="PATH",
        help="Pristine model of NIQE: a file, or a folder of good pictures to fit it to; the "
        "folder of -o gets it as niqe.safetensors.  [default: the one that comes with jpegx]",
    ),
    click.option(
        "--features",
        "networks",
        multiple=True,
        type=click.Choice(["efficientnet-lite0", "vgg16"]),
        help="A frozen network, for Fréchet distances of its features at all positions. Again for "
        "more.  [default: those that are installed]",
    ),
    click.option(
        "--vgg16",
        type=NamedPath("file"),
        metavar="FILE",
        help="torchvision's VGG-16 of ImageNet, for --lpips and --dists: safetensors or the "
        "published file.",
    ),
    click.option(
        "--lpips",
        type=NamedPath("file"),
        metavar="FILE",
        help="Measure LPIPS, with these weights of its linear layers (weights/v0.1/vgg.pth of the "
        "package lpips, or safetensors).",
    ),
    click.option(
        "--dists",
        type=NamedPath("file"),
        metavar="FILE",
        help="Measure DISTS, with these weights of its layers (weights.pt of the package "
        "dists-pytorch, or safetensors).",
    ),
    click.option(
        "--fid",
        is_flag=True,
        help="Measure FID and KID too, with the Inception network of --inception.",
    ),
    click.option(
        "--inception",
        type=NamedPath(),
        metavar="FILE",
        help="The network for --fid, inception-2015-12-05.pt.  [default: $JPEGX_INCEPTION, or this "
        "name in ~/.cache/jpegx]",
    ),
    click.option(
        "--repeats",
        type=click.IntRange(min=1),
        metavar="N",
        help="Sets of samples for --fid, one sample of each file in each (Man et al.: 64).  "
        "[default: as many as samples]",
    ),
    click.option(
        "--patches",
        type=click.IntRange(min=16),
        metavar="PIXELS",
        help="For --fid, cut pictures into patches of this size, so that a small set has enough.",
    ),
    click.option(
        "--reference",
        type=NamedPath(),
        metavar="FOLDER",
        help="Other originals, whose distances from ORIGINALS are what a perfect decoder could "
        "reach.",
    ),
    click.option(
        "--fid-reference",
        type=NamedPath(),
        metavar="FOLDER",
        help="Real pictures that --fid is measured against in the place of the originals, as Man "
        "et al. do; the row of the originals then has the ground truth.",
    ),
    click.option(
        "-o",
        "--output",
        type=NamedPath(),
        metavar="FOLDER",
        help="Folder for results.json, results.csv and report.html; a run that was interrupted "
        "goes on with what is in it.",
    ),
    click.option(
        "--crops",
        multiple=True,
        callback=_places,
        metavar="PICTURE:X,Y[,WxH]",
        help="A crop for the report: 128x128 or WxH pixels of this picture from column X and row Y "
        "on. Again for more.  [default: the centres of three pictures of each set]",
    ),
    click.option(
        "--maps",
        is_flag=True,
        help="Beside the crops of the report maps of them, as in Man et al. 2022: squared error of "
        "the samples' mean, their variance, and how far they are from the file.",
    ),
    device_option,
    precision_option,
    temperature_option,
    self_ensemble_option,
    executor_option,
    address_option,
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Workers of the Ray cluster.  [default: one for each GPU, or else each core]",
    ),
    click.option("--quiet", is_flag=True, help="No progress bar; errors are still shown."),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Tell of each step when it is done, a picture by a decoder, with its time; for logs.",
    ),
)


def eval_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that gives a command all of them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
