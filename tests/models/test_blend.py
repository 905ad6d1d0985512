"""Sums of weights, and weights carried over between networks with and without noise."""

from pathlib import Path

import pytest
import torch

from conftest import Run
from jpegx.models.card import interpolation_of
from jpegx.models.checkpoint import load, save
from jpegx.models.generator import Generator
from jpegx.models.registry import generators
from jpegx.models.transfer import transfer

SMALL: dict[str, dict[str, object]] = {
    "unet": {"widths": [4, 4], "encoder": [1, 1], "decoder": [1, 1], "embedding": 4},
    "rrdb": {"blocks": 1, "features": 4, "growth": 2, "embedding": 4},
}


def random(family: str, seed: int, **changes: object) -> Generator:
    generator = generators.create(family, {**SMALL[family], **changes})
    noise = torch.Generator().manual_seed(seed)
    for parameter in generator.parameters():
        parameter.data = torch.randn(parameter.shape, generator=noise).half().float()
    return generator.requires_grad_(False)


def write(path: Path, generator: Generator, card: dict[str, object] | None = None) -> Path:
    save(path, generator, card or {})
    return path


@pytest.mark.parametrize("family", SMALL)
def test_every_weight_is_the_sum(run: Run, tmp_path: Path, family: str) -> None:
    noisy, silent = random(family, 1), random(family, 2, noise=False)
    first = write(tmp_path / "one.safetensors", noisy, {"steps": 7})
    second = write(tmp_path / "two.safetensors", silent)
    out = tmp_path / "out.safetensors"
    result = run("train", "blend", f"{first}=0.25", f"{second}=0.75", out)
    assert result.exit_code == 0, result.output
    got, card = load(out)
    # A regression is a network whose noise has no strength.
    full = generators.create(family, SMALL[family]).requires_grad_(False)
    for parameter in full.parameters():
        parameter.zero_()
    transfer(silent, full)
    pairs = zip(noisy.parameters(), full.parameters(), got.parameters(), strict=True)
    for one, two, mixed in pairs:
        torch.testing.assert_close(mixed, (0.25 * one + 0.75 * two).half().float())
    assert got.stochastic
    assert card["blend_of"] == {
        "1 one": {"share": 0.25, "steps": 7},
        "2 two": {"share": 0.75},
    }


@pytest.mark.parametrize(
    "parts",
    [
        None,
        {},
        [1, 2],
        {"1 a": {"share": 1}},
        {"1 a": {"share": 1}, "2 b": {"share": 1}, "3 c": {"share": -1}},
        {"1 a": 1, "2 b": 0},
        {"1 a": {"share": 1}, "2 b": {"share": "0"}},
        {"1 a": {"share": 1}, "2 b": {"share": float("nan")}},
    ],
)
def test_cards_that_tell_of_no_two_networks(parts: object) -> None:
    assert interpolation_of(Path("x.safetensors"), {"blend_of": parts}) is None


@pytest.mark.parametrize("dithers", [(True, False), (False, True)])
def test_dither_counts_in_any_order(run: Run, tmp_path: Path, dithers: tuple[bool, bool]) -> None:
    parts = [random("unet", seed, dither=dither) for seed, dither in enumerate(dithers)]
    paths = [write(tmp_path / f"{seed}.safetensors", part) for seed, part in enumerate(parts)]
    out = tmp_path / "out.safetensors"
    assert run("train", "blend", f"{paths[0]}=0.75", f"{paths[1]}=0.25", out).exit_code == 0
    got, _ = load(out)
    share, weights = (0.75, parts[0]) if dithers[0] else (0.25, parts[1])
    expected = (share * weights.state_dict()["noise.weight"]).half().float()
    torch.testing.assert_close(got.state_dict()["noise.weight"], expected)


@pytest.mark.parametrize("deeper", [0, 1])
@torch.no_grad()
def test_blocks_that_one_lacks_count_as_zero(run: Run, tmp_path: Path, deeper: int) -> None:
    changes: list[dict[str, object]] = [{}, {}]
    changes[deeper] = {"encoder": [3, 1], "decoder": [1, 2], "projection": True}
    parts = [random("unet", seed, **change) for seed, change in enumerate(changes)]
    paths = [write(tmp_path / f"{seed}.safetensors", part) for seed, part in enumerate(parts)]
    out = tmp_path / "out.safetensors"
    assert run("train", "blend", f"{paths[0]}=0.5", f"{paths[1]}=0.5", out).exit_code == 0
    got, _ = load(out)
    assert got.config == parts[deeper].config
    own = [part.state_dict() for part in parts]
    for name, mixed in got.state_dict().items():
        added = sum((0.5 * o[name] for o in own if name in o), torch.zeros(()))
        torch.testing.assert_close(mixed, added.half().float())


def test_what_one_learnt_is_added_to_another(run: Run, tmp_path: Path) -> None:
    old, sampler, new = (random("unet", seed) for seed in range(3))
    named = {"old": old, "sampler": sampler, "new": new}
    paths = {name: write(tmp_path / f"{name}.safetensors", g) for name, g in named.items()}
    shares = [f"{paths['new']}=1", f"{paths['sampler']}=1", f"{paths['old']}=-1"]
    out = tmp_path / "out.safetensors"
    assert run("train", "blend", *shares, out).exit_code == 0
    got, _ = load(out)
    everything = zip(*(g.parameters() for g in (new, sampler, old, got)), strict=True)
    for start, learnt, forgotten, mixed in everything:
        torch.testing.assert_close(mixed, (start + learnt - forgotten).half().float())


@pytest.mark.parametrize(
    ("shares", "words", "code"),
    [
        (("{one}=0.5",), "add up to 0.5; they must add up to 1", 2),
        (("{one}=0.9999",), "add up to 0.9999; they must add up to 1", 2),
        (("{one}=nan",), "write MODEL=SHARE", 2),
        (("=1",), "write MODEL=SHARE", 2),
        (("{one}=0.5", "{one}=1"), "is given twice", 2),
        (("{one}=0.5", "{again}=0.5"), "is given twice", 2),
        (("{one}=60001", "{zero}=-60000"), "not finite in float16", 2),
        (("{one}=0.5", "{other}=0.5"), "other.safetensors: weights of another network", 1),
        (("{one}=0.5", "{wide}=0.5"), "wide.safetensors: weights of another network", 1),
        (("{one}",), "write MODEL=SHARE", 2),
        (("{one}=half",), "write MODEL=SHARE", 2),
        (("none.safetensors=1",), "none.safetensors: No such file or directory", 1),
        (("{one}=1", "{one}.txt"), "end in .safetensors", 2),
    ],
)
def test_what_cannot_be_blended(
    run: Run, tmp_path: Path, shares: tuple[str, ...], words: str, code: int
) -> None:
    names = {
        "one": write(tmp_path / "one.safetensors", random("unet", 1)),
        "other": write(tmp_path / "other.safetensors", random("rrdb", 1)),
        "again": tmp_path / "sub" / ".." / "one.safetensors",
        "zero": write(tmp_path / "zero.safetensors", random("unet", 2)),
        "wide": write(tmp_path / "wide.safetensors", random("unet", 1, widths=[4, 8])),
    }
    (tmp_path / "sub").mkdir()
    given = [share.format(**names) for share in shares]
    last = [] if given[-1].endswith(".txt") else [tmp_path / "out.safetensors"]
    result = run("train", "blend", *given, *last)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert not (tmp_path / "out.safetensors").exists()


def test_a_blend_does_not_replace_what_it_is_made_of(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "one.safetensors", random("unet", 1))
    before = path.read_bytes()
    result = run("train", "blend", f"{path}=1", tmp_path / "x" / ".." / "one.safetensors")
    assert result.exit_code == 2
    assert "one of those to blend" in result.output
    assert path.read_bytes() == before


def test_the_card_of_a_blend(run: Run, tmp_path: Path) -> None:
    first = write(tmp_path / "one.safetensors", random("unet", 1), {"temperature": 0.5})
    second = write(tmp_path / "two.safetensors", random("unet", 2, noise=False))
    third = write(tmp_path / "three.safetensors", random("unet", 3), {"temperature": 0.6})
    out = tmp_path / "new" / "out.safetensors"
    notes = ("--note", "licence=mine")
    assert run("train", "blend", f"{first}=0.5", f"{second}=0.5", out, *notes).exit_code == 0
    _, card = load(out)
    assert (card["temperature"], card["licence"]) == (0.5, "mine")
    blend = ("train", "blend", f"{first}=0.5", f"{third}=0.5", out)
    refused = run(*blend)
    assert refused.exit_code == 2
    assert "exists; add --overwrite" in refused.stderr
    assert load(out)[1] == card
    assert run(*blend, "--overwrite").exit_code == 0
    assert "temperature" not in load(out)[1]
    strange = write(tmp_path / "strange.safetensors", random("unet", 3), {"temperature": [1]})
    result = run("train", "blend", f"{first}=0.5", f"{strange}=0.5", tmp_path / "x.safetensors")
    assert result.exit_code == 1
    assert "strange.safetensors: its card asks for an impossible temperature" in result.stderr
    notes = ("--note", "temperature=0.55")
    assert (
        run("train", "blend", f"{first}=0.5", f"{third}=0.5", out, *notes, "--overwrite").exit_code
        == 0
    )
    assert load(out)[1]["temperature"] == "0.55"


def test_weights_of_other_networks_are_not_carried_over() -> None:
    for other in (random("rrdb", 1), random("unet", 1, widths=[4, 8])):
        with pytest.raises(ValueError, match="another network"):
            transfer(other, random("unet", 2))
