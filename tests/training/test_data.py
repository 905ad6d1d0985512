"""Images found, patches drawn and shared out: always the same for the same seed and step."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from jpegx.training.crew import BadCrew, Crew
from jpegx.training.data.compress import compress
from jpegx.training.data.images import ImageSet, NoImages, find_images
from jpegx.training.data.loader import load_steps
from jpegx.training.data.patches import Group, PatchRules, draw_group, ijg_tables
from jpegx.training.data.random_tables import draw_tables
from training_data import write_images

RULES = PatchRules(16, 2, 0.5, True, (5, 95), 1.0, {"4:2:0": 1, "gray": 1})


def image_set(folder: Path, cache: float = 1.0) -> ImageSet:
    return ImageSet(find_images(write_images(folder)), 16, cache, pytest.fail)


def equal(one: Group, other: Group) -> bool:
    same = torch.equal(one.tables, other.tables) and one.sampling == other.sampling
    return same and torch.equal(one.patches, other.patches)


def qualities_of(group: Group) -> list[int]:
    """The IJG quality of each pair of tables."""
    known = {ijg_tables([q]).numpy().tobytes(): q for q in range(1, 101)}
    return [known[pair.numpy().tobytes()] for pair in group.tables]


def test_unreadable_and_small_images_are_named_and_skipped(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    whole = (tmp_path / "image0.png").read_bytes()
    (tmp_path / "truncated.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (8, 40)).save(tmp_path / "small.png")
    (tmp_path / "notes.txt").write_text("not an image")
    lines: list[str] = []
    images = ImageSet(find_images(tmp_path), 16, 1.0, lines.append)
    assert [path.name for path in images.paths] == ["image0.png", "image1.png"]
    assert len(lines) == 3
    for name in ("broken.png", "truncated.png", "small.png"):
        assert any(line.startswith(f"{tmp_path / name}: skipped: ") for line in lines)


@pytest.mark.parametrize("error", [ZeroDivisionError(), RecursionError("deep"), struct.error("\n")])
def test_whatever_a_reader_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    write_images(tmp_path, 2)
    load = PngImageFile.load

    def break_one(image: PngImageFile) -> object:
        if image.size == (41, 43):
            raise error
        return load(image)

    Image.new("RGB", (41, 43)).save(tmp_path / "odd.png")
    monkeypatch.setattr(PngImageFile, "load", break_one)
    lines: list[str] = []
    images = ImageSet(find_images(tmp_path), 16, 1.0, lines.append)
    assert [path.name for path in images.paths] == ["image0.png", "image1.png"]
    (line,) = lines
    assert line.startswith(f"{tmp_path / 'odd.png'}: skipped: the picture is damaged (")
    assert "\n" not in line


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="not a folder"):
        find_images(tmp_path / "none")
    with pytest.raises(NoImages, match="no images"):
        find_images(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(NoImages, match="of 1 images none can be read and is at least 16 pixels"):
        ImageSet(find_images(tmp_path), 16, 1.0, lambda line: None)


def test_images_are_the_same_without_room_to_keep_them(tmp_path: Path) -> None:
    kept, read = image_set(tmp_path), image_set(tmp_path, cache=0.0)
    assert all(np.array_equal(kept[i], read[i]) for i in range(len(kept)))


def test_groups_are_a_function_of_seed_step_and_number(tmp_path: Path) -> None:
    images = image_set(tmp_path)
    group = draw_group(images, RULES, 1, 2, 3)
    assert group.patches.shape == (2, 3, 16, 16)
    assert group.patches.dtype == torch.uint8
    assert all(5 <= quality <= 95 for quality in qualities_of(group))
    assert equal(group, draw_group(images, RULES, 1, 2, 3))
    for other in ((0, 2, 3), (1, 0, 3), (1, 2, 0)):
        assert not torch.equal(group.patches, draw_group(images, RULES, *other).patches)


def test_low_qualities_come_more_often_with_a_lower_power(tmp_path: Path) -> None:
    images = image_set(tmp_path)

    def drawn(power: float, ends: tuple[int, int]) -> np.ndarray:
        rules = replace(RULES, group=200, power=power, quality=ends)
        return np.array(qualities_of(draw_group(images, rules, 0, 0, 0)))

    even, low = drawn(1.0, (1, 95)), drawn(0.5, (1, 95))
    assert set(drawn(1.0, (20, 21))) == set(drawn(0.5, (20, 21))) == {20, 21}
    assert set(drawn(0.5, (95, 95))) == {95}
    # Shares below 25: 24 of 95 qualities; (5 - 1) / (sqrt(96) - 1) of their roots.
    assert abs((even < 25).mean() - 24 / 95) < 0.1
    assert abs((low < 25).mean() - 4 / (96**0.5 - 1)) < 0.1
    assert min(low.min(), even.min()) >= 1
    assert max(low.max(), even.max()) <= 95


def test_tables_that_are_not_the_ijgs_have_their_share(tmp_path: Path) -> None:
    images = image_set(tmp_path)
    ijgs = {pair.numpy().tobytes() for pair in ijg_tables(range(1, 101))}

    def share_of_others(share: float) -> float:
        rules = replace(RULES, group=100, other_tables=share)
        tables = draw_group(images, rules, 0, 0, 0).tables
        assert tables.shape == (100, 2, 8, 8)
        assert tables.dtype == torch.int32
        return sum(pair.numpy().tobytes() not in ijgs for pair in tables) / 100

    assert share_of_others(0) == 0
    assert abs(share_of_others(0.3) - 0.3) < 0.15
    assert share_of_others(1) == 1
    # The patches of a run without them are those of older versions: the tables come last.
    group, other = (
        draw_group(images, replace(RULES, other_tables=share), 1, 2, 3) for share in (0, 1)
    )
    assert group.sampling == other.sampling
    assert not torch.equal(group.tables, other.tables)


def test_drawn_tables_are_of_many_kinds_and_can_be_written() -> None:
    random = np.random.default_rng(0)
    drawn = np.stack([draw_tables(random) for _ in range(400)])
    assert drawn.dtype == np.int32
    assert drawn.shape == (400, 2, 8, 8)
    assert drawn.min() == 1
    assert 1000 < drawn.max() <= 65535
    flat = (drawn == drawn[:, :, :1, :1]).all(axis=(2, 3)).all(axis=1)
    one_for_all = (drawn[:, 0] == drawn[:, 1]).all(axis=(1, 2))
    sixteen_bit = (drawn > 255).any(axis=(1, 2, 3))
    for share, wanted in ((flat, 0.2), (one_for_all, 0.25)):
        assert abs(share.mean() - wanted) < 0.08
    assert 0.1 < sixteen_bit.mean() < 0.6


def test_a_patch_with_drawn_tables_becomes_a_file_that_holds_them() -> None:
    tables = torch.from_numpy(np.stack([draw_tables(np.random.default_rng(s)) for s in range(6)]))
    patches = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8)
    batch = compress([Group(patches, tables, "4:2:0")], torch.device("cpu"))
    (file,) = batch.files
    assert torch.equal(file.tables[0], tables[:, 0])
    assert all(torch.equal(own, tables[:, 1]) for own in file.tables[1:])
    # The DC of a flat block is what its step allows; nothing is out of the range of a JPEG file.
    assert all(grid.abs().max() <= 2047 for grid in file.coefficients)


def test_native_patches_are_cut_and_not_resized(tmp_path: Path) -> None:
    images = image_set(tmp_path)
    rules = PatchRules(16, 2, 1.0, False, (5, 95), 1.0, {"4:4:4": 1})
    patch = draw_group(images, rules, 0, 0, 0).patches[0].permute(1, 2, 0).numpy()
    windows = [
        np.array_equal(patch, images[i][top : top + 16, left : left + 16])
        for i in range(len(images))
        for top in range(25)
        for left in range(33)
    ]
    assert sum(windows) == 1


def test_flips_without_turns(tmp_path: Path) -> None:
    """A patch of rising columns may fall, but its rows never change."""
    ramp = np.arange(0, 160, 10, dtype=np.uint8)
    Image.fromarray(np.tile(ramp, (16, 1))).convert("RGB").save(tmp_path / "ramp.png")
    images = ImageSet(find_images(tmp_path), 16, 1.0, pytest.fail)
    for flip, wanted in {True: {"rises", "falls"}, False: {"rises"}}.items():
        rules = replace(RULES, native=1.0, turn=False, flip=flip)
        seen = set()
        for step in range(8):
            for patch in draw_group(images, rules, 0, step, 0).patches:
                assert bool((patch == patch[:, :1]).all())
                seen.add("rises" if patch[0, 0, -1] > patch[0, 0, 0] else "falls")
        assert seen == wanted


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_can_begin_at_any_step_and_be_shared(tmp_path: Path, workers: int) -> None:
    images = image_set(tmp_path)

    def load(mine: range, steps: range) -> list[Group]:
        batches = load_steps(images, RULES, 0, 4, mine, steps, workers)
        return [group for batch in batches for group in batch]

    whole = load(range(4), range(3))
    late = load(range(4), range(2, 3))
    assert all(equal(a, b) for a, b in zip(whole[8:], late, strict=True))
    second = load(Crew(1, 2).share(4, 1), range(1))
    assert all(equal(a, b) for a, b in zip(whole[2:4], second, strict=True))


def test_groups_that_cannot_be_shared_are_refused() -> None:
    with pytest.raises(BadCrew, match=r"data\.groups"):
        Crew(0, 3).share(4, 1)
    with pytest.raises(BadCrew, match="multiple of 8"):
        Crew(0, 2).share(4, 4)
