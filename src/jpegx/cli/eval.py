"""jpegx eval: perception, consistency, distortion and calibration of decoders, side by side."""

import sys
import tempfile
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from jpegx.cli.console import Bar, Console
from jpegx.cli.eval_options import eval_options
from jpegx.cli.shared_options import check_address, check_device, spec_of, wrong_usage
from jpegx.errors import printable
from jpegx.evaluation.benchmark.request import Request
from jpegx.sampling.spec import SamplerSpec

if TYPE_CHECKING:  # torch is imported when there is work: --help must be quick
    from jpegx.evaluation.benchmark.plan import Plan
    from jpegx.sampling.spec import Precision

FAILED = 1


_EXAMPLES = """\b
Examples:
  jpegx eval kodak -o out
  jpegx eval originals --model general --model general:temperature=0.5 --quality 10
  jpegx eval originals --quality 10 --export-jpegs files
  jpegx eval originals --decoded theirs --jpegs files/q10 -o out
  jpegx eval peers
  jpegx eval live1 --protocol qgac-table1
"""


@click.command(
    short_help="Compare decoders on originals: tables, curves, a report.", epilog=_EXAMPLES
)
@eval_options
@click.pass_context
def eval(  # noqa: A001 (the name of the command)
    ctx: click.Context,
    /,
    models: tuple[str, ...],
    device: str,
    precision: "Precision",
    temperature: float | None,
    self_ensemble: bool,
    output: Path | None,
    quiet: bool,
    verbose: bool,
    protocol: str | None,
    executor: str,
    address: str | None,
    jobs: int | None,
    **others: Any,  # noqa: ANN401 (the fields of a Request)
) -> None:
    """Compare decoders on originals: perception, consistency, distortion, honesty of the samples.

    Each folder of ORIGINALS (PNG, WebP, TIFF ...) is a data set. Its pictures are compressed with
    libjpeg at every quality, decoded with every model, and measured; with --decoded, pictures that
    other programs made are measured too, against the JPEG files of --jpegs where there are any.

    "jpegx eval peers" tells how others (DnCNN, FBCNN, jpeg2png) are measured beside these.

    The table goes to standard output. With -o the folder gets results.json, results.csv and
    report.html: the tables, the perception-consistency plane, curves over the quality, rank
    histograms, and crops side by side, to be enlarged, blinked and seen by their colour alone. A
    picture that cannot be read or measured is named and left out.

    Exit status: 0, all was measured; 1, something failed; 2, wrong usage.
    """
    if others["originals"] == (Path("peers"),) and not Path("peers").exists():
        from jpegx.evaluation.report.peers import PEERS

        click.echo(PEERS)
        return

    def spec(name: str) -> SamplerSpec:
        return spec_of(name, device, precision, temperature, self_ensemble=self_ensemble)

    request = Request(models=tuple(map(spec, models)), defaults=spec(""), **others)
    given = ctx.get_parameter_source
    named = {name for name in others if given(name) is not click.core.ParameterSource.DEFAULT}
    if protocol is not None:
        request = _followed(protocol, request, named)
    _check(request, named, output)
    check_address(executor, address)
    check_device(device)  # also with Ray: sets are compared on this machine
    if jobs is not None and executor != "ray":
        raise click.UsageError("--jobs is for workers of a Ray cluster; add --executor ray.")

    from jpegx.evaluation.benchmark.plan import make_plan
    from jpegx.evaluation.report.results import refuse_foreign

    if output is not None:
        refuse_foreign(output)
    with wrong_usage():
        plan = make_plan(request)
    with ExitStack() as stack:
        if output is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="jpegx-")))
        else:
            folder = output
        steps = _Steps(ctx.obj, quiet=quiet, verbose=verbose)
        cluster = (address, jobs) if executor == "ray" else None
        failures = _run(ctx.obj, plan, folder, cluster, steps, keep=output is not None)
    sys.exit(FAILED if failures else 0)


def _followed(name: str, request: Request, named: Set[str]) -> Request:
    """The request as a protocol wants it. Raises click.UsageError."""
    from jpegx.evaluation.benchmark.protocol_request import Contradiction, Missing, follow
    from jpegx.evaluation.protocols.protocol import read_protocol

    try:
        return follow(read_protocol(name), request, named)
    except (Contradiction, Missing) as error:
        raise click.UsageError(f"{error}.") from None


def _check(request: Request, named: Set[str], output: Path | None) -> None:
    """Raise click.UsageError for options that do not go together. ``named``: those given."""
    decoded, jpegs = request.decoded, request.jpegs
    if decoded and jpegs is None and (request.models or "qualities" in named):
        raise click.UsageError(
            "pictures of --decoded belong to JPEG files of their own: give --jpegs, not --quality."
        )
    if jpegs is not None and "qualities" in named:
        raise click.UsageError("--jpegs are files as they are; leave out --quality.")
    if "subsampling" in named and (jpegs or decoded):
        raise click.UsageError("--subsampling is for originals that are compressed here.")
    others = filter(None, (request.reference, request.fid_reference))
    folders = (*request.originals, *decoded, *others)
    _check_output("-o", output, folders)
    _check_output("--export-jpegs", request.export_jpegs, folders)
    if request.export_jpegs is not None and (jpegs is not None or decoded):
        raise click.UsageError(
            "--export-jpegs writes files that are compressed here; leave out --jpegs and --decoded."
        )
    if request.export_jpegs is not None and request.crop is not None:
        raise click.UsageError(
            "files of --export-jpegs are measured with whole originals; crop these yourself, and "
            "leave out --crop."
        )
    if request.crop is not None and (decoded or jpegs is not None):
        raise click.UsageError("--crop is for originals that are compressed here.")
    if not request.fid and (
        request.inception or request.repeats or request.patches or request.fid_reference
    ):
        raise click.UsageError(
            "--inception, --repeats, --patches and --fid-reference are for --fid; add it."
        )
    if bool(request.vgg16) != bool(request.lpips or request.dists):
        raise click.UsageError("--lpips and --dists go with --vgg16, the network they stand on.")
    if (request.crops or request.maps) and output is None:
        raise click.UsageError("--crops and --maps are for the report; give its folder with -o.")


def _check_output(option: str, output: Path | None, folders: Sequence[Path]) -> None:
    for folder in folders:
        if output is not None and output.resolve().is_relative_to(folder.resolve()):
            raise click.UsageError(
                f"{option} {output} lies in {folder}, so that its pictures would be measured too; "
                "choose another folder."
            )


class _Steps:
    """Shows the steps of a run as they are done: on a bar, or as lines of a log."""

    def __init__(self, console: Console, *, quiet: bool, verbose: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._verbose = verbose
        self._total = self._done = 0
        self._last = 0.0
        self._bar: Bar | None = None

    @contextmanager
    def expected(self, total: int) -> Iterator[None]:
        """So many steps, at most, are done within."""
        self._total, self._done, self._last = total, 0, monotonic()
        with self._console.progress(total, quiet=self._quiet) as self._bar:
            yield
        self._bar = None

    def advance(self, what: str) -> None:
        """One more is done; ``what`` it was part of."""
        self._done += 1
        what, now = printable(what), monotonic()
        if self._bar is not None:
            self._bar.advance(what)
        if self._verbose:
            self._console.say(f"[{self._done}/{self._total}] {what}: {now - self._last:.1f} s")
        self._last = now


def _run(
    console: Console,
    plan: "Plan",
    folder: Path,
    cluster: tuple[str | None, int | None] | None,
    steps: "_Steps",
    *,
    keep: bool,
) -> int:
    """Measure, print, and write what is to be kept; the number of failures.

    ``cluster``: address and workers of a Ray cluster that measures pictures; None for none.
    """
    from jpegx.evaluation.benchmark.context import Context
    from jpegx.evaluation.benchmark.exporting import check_places
    from jpegx.evaluation.benchmark.published import with_published
    from jpegx.evaluation.benchmark.runner import evaluate
    from jpegx.evaluation.benchmark.store import Store
    from jpegx.evaluation.report.notes import notes
    from jpegx.evaluation.report.page import NoMatplotlib
    from jpegx.evaluation.report.results import write_files
    from jpegx.evaluation.report.terminal_table import print_tables

    failures: list[str] = []

    def failed(line: str) -> None:
        failures.append(line)
        console.say(line)

    if plan.request.export_jpegs is not None:
        check_places(plan, plan.request.export_jpegs)
    store = Store(folder)
    context = Context(plan.request, plan.instruments, store, steps.advance, failed)
    if cluster is not None:
        from jpegx.evaluation.benchmark.remote import measure_remotely, missing_units

        units, (address, jobs) = list(missing_units(plan, context)), cluster
        with steps.expected(len(units)):
            measure_remotely(units, context, steps.advance, address=address, jobs=jobs)
    with steps.expected(plan.steps):
        rows = with_published(plan, list(evaluate(plan, context)))
    protocol = plan.request.protocol
    print_tables(rows, sys.stdout, () if protocol is None else protocol.columns)
    click.echo("\n".join(notes(plan, rows)))
    if keep:
        try:
            write_files(folder, plan, rows, store)
        except NoMatplotlib as error:
            console.say(str(error))
    return len(failures)
