"""Measures decoders on data sets, and goes on where it was stopped."""

from collections.abc import Iterator, Sequence

from jpegx.evaluation.benchmark.context import Context
from jpegx.evaluation.benchmark.exporting import export_jpegs
from jpegx.evaluation.benchmark.measuring import Trial
from jpegx.evaluation.benchmark.originals import DataSet
from jpegx.evaluation.benchmark.plan import Plan
from jpegx.evaluation.benchmark.prepared import Originals
from jpegx.evaluation.benchmark.real_features import RealFeatures
from jpegx.evaluation.benchmark.rows import ORIGINALS, REFERENCE, Row, make_row, set_figures
from jpegx.evaluation.benchmark.store import key_of


def evaluate(plan: Plan, context: Context) -> Iterator[Row]:
    """The rows of the tables, as they are complete.

    Of each data set first the originals themselves, then other originals against them if
    there are any, and for each of the files every decoder.
    """
    real = None if plan.real is None else RealFeatures(plan.real, context)
    for data_set in plan.data_sets:
        originals = Originals(data_set, context, real)
        alone = originals.measure_alone(plan.jpegs)
        if not alone:
            continue
        if context.request.export_jpegs is not None:
            export_jpegs(plan, context, originals, alone, context.request.export_jpegs)
        units = [context.store[key] for key in alone.values()]
        distances = originals.compare_with_themselves(list(alone))
        crops = originals.crops(alone)
        yield make_row(data_set.name, None, ORIGINALS, units, distances, crops)
        if plan.reference is not None:
            yield _reference_row(context, originals, list(alone), plan.reference)
        for files in plan.jpegs:
            for decoder in plan.decoders:
                yield from Trial(context, originals, files, decoder).rows(alone)


def _reference_row(
    context: Context, originals: Originals, names: Sequence[str], reference: DataSet
) -> Row:
    """How far other originals are from these: what a perfect decoder's distances would be like."""
    others, store, digests = Originals(reference, context), context.store, {}
    for name in reference.names:
        try:
            others.read(name)
            digests[name] = others.facts(name)
        except Exception as error:
            context.failed(error, str(reference.path(name)))
    own = [originals.describer.facts(), *map(originals.facts, names)]
    facts = [own, others.describer.facts(), digests]
    key = key_of({"reference": facts, "real": originals.real_facts})
    if key not in store:
        indices = range(originals.describer.arrays)
        ours = [[others.described(name, i) for name in digests] for i in indices]
        values = originals.compare(ours, names, 1)
        store.put(key, {"data_set": originals.data_set.name, "decoder": REFERENCE}, values)
    figures = set_figures(store[key])
    return Row(originals.data_set.name, None, REFERENCE, len(digests), 0, figures, [], None, {})
