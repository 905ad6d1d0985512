"""What samples are drawn from, in words; and what becomes of options that mean nothing."""

import csv
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import MakeJpeg, Run
from jpegx.sampling.sampler import open_sampler
from jpegx.sampling.spec import BadSpec, MeaninglessOption, SamplerSpec
from tiny_weights import write_weights


@pytest.fixture
def sampler(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "small.safetensors", 0, {"temperature": 0.8})


@pytest.fixture
def regression(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "middle.safetensors", 1, {}, noise=False)


@pytest.mark.parametrize(
    ("text", "spec", "label"),
    [
        ("general", SamplerSpec("general"), "general"),
        ("a:b.safetensors", SamplerSpec("a:b.safetensors"), "a:b"),
        (
            "x/small.safetensors:temperature=0.5,precision=float32",
            SamplerSpec("x/small.safetensors", precision="float32", temperature=0.5),
            "small:temperature=0.5,precision=float32",
        ),
        (
            "regression:self-ensemble=yes,device=cpu",
            SamplerSpec("regression", "cpu", self_ensemble=True),
            "regression+",
        ),
    ],
)
def test_what_a_text_means(text: str, spec: SamplerSpec, label: str) -> None:
    assert SamplerSpec.parse(text) == spec
    assert spec.label == label
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_what_stands_behind_the_name_counts_more() -> None:
    spec = SamplerSpec.parse("general:temperature=0.5", temperature=0.9, precision="bfloat16")
    assert spec == SamplerSpec("general", precision="bfloat16", temperature=0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("general:heat=1", "unknown option 'heat'"),
        ("general:temperature=hot", "a number from 0 to 4"),
        ("general:temperature=nan", "a number from 0 to 4"),
        ("general:precision=half", "one of auto, float32, bfloat16"),
    ],
)
def test_bad_options_are_refused(run: Run, text: str, words: str) -> None:
    with pytest.raises(BadSpec, match=words):
        SamplerSpec.parse(text)
    result = run("decode", "a.jpg", "--model", text)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("model", "options", "option"),
    [
        ("laplace", ("--temperature", 0.5), "--temperature"),
        ("standard", ("--precision", "float32"), "--precision"),
        ("laplace", ("--self-ensemble",), "--self-ensemble"),
        ("{regression}", ("--temperature", 0.5), "--temperature"),
        ("{sampler}", ("--self-ensemble",), "--self-ensemble"),
    ],
)
def test_what_means_nothing_is_refused_alike(
    run: Run,
    make_jpeg: MakeJpeg,
    sampler: Path,
    regression: Path,
    model: str,
    options: tuple[object, ...],
    option: str,
) -> None:
    name = model.format(regression=regression, sampler=sampler)
    photo = make_jpeg("in/photo.jpg")
    for command in (("decode", photo), ("eval", photo.parent)):
        result = run(*command, "--model", name, *options)
        assert result.exit_code == 2, result.output
        assert f"Invalid value for {option}" in result.stderr
        assert "leave out" in " ".join(result.stderr.split())
    assert not photo.with_suffix(".png").exists()


def test_default_models_that_an_option_means_nothing_for(run: Run, make_jpeg: MakeJpeg) -> None:
    result = run("eval", make_jpeg("in/photo.jpg").parent, "--self-ensemble")
    assert result.exit_code == 2, result.output
    assert "Invalid value for --self-ensemble" in result.stderr


def test_two_ways_of_one_model_are_two_rows(
    run: Run, make_jpeg: MakeJpeg, sampler: Path, tmp_path: Path
) -> None:
    make_jpeg("in/a.jpg", size=(112, 112)).rename(tmp_path / "in" / "a.png")
    colder = f"{sampler}:temperature=0.2"
    models = ("--model", sampler, "--model", colder, "--quality", 40, "-n", 2)
    result = run("eval", tmp_path / "in", *models, "--projection", "without", "-o", tmp_path / "o")
    assert result.exit_code == 0, result.output
    with (tmp_path / "o" / "results.csv").open(newline="") as lines:
        found = {line["decoder"]: line for line in csv.DictReader(lines)}
    assert float(found["small:temperature=0.2"]["std"]) < float(found["small"]["std"])


def test_a_network_asks_for_more_memory_than_a_law() -> None:
    one, mean, law, other = (
        SamplerSpec(name, mean=count).memory
        for name, count in (("general", None), ("general", 2), ("laplace", None), ("command:x", 2))
    )
    assert one == mean > law == other


def test_facts_tell_what_was_computed(sampler: Path, regression: Path) -> None:
    facts = [open_sampler(SamplerSpec(str(path), "cpu")).facts for path in (sampler, regression)]
    assert facts[0]["temperature"] == 0.8
    assert facts[0]["device"] == "cpu"
    assert facts[0]["number_type"] in ("float32", "bfloat16")
    asked = SamplerSpec(str(sampler), "cpu", str(facts[0]["number_type"]), 0.8)  # type: ignore[arg-type]
    assert open_sampler(asked).facts == facts[0]
    assert facts[0]["sampler"] != facts[1]["sampler"]
    with pytest.raises(MeaninglessOption, match="a regression has no noise"):
        open_sampler(SamplerSpec(str(regression), temperature=1.0))


def test_a_spec_needs_no_torch() -> None:
    program = (
        "import sys; from jpegx.sampling.spec import SamplerSpec; "
        "SamplerSpec.parse('general:temperature=0.5'); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
