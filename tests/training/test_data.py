"""Images found, patches drawn and shared out: always the same for the same seed and step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jpegx.training.crew import BadCrew, Crew
from jpegx.training.data.images import ImageSet, NoImages, find_images
from jpegx.training.data.loader import load_steps
from jpegx.training.data.patches import Group, PatchRules, draw_group
from training_data import write_images

RULES = PatchRules(16, 2, 0.5, True, (5, 95), 1.0, {"4:2:0": 1, "gray": 1})


def image_set(folder: Path, cache: float = 1.0) -> ImageSet:
    return ImageSet(find_images(write_images(folder)), 16, cache, pytest.fail)


def equal(one: Group, other: Group) -> bool:
    same = one.qualities == other.qualities and one.sampling == other.sampling
    return same and torch.equal(one.patches, other.patches)


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


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoImages, match="not a folder"):
        find_images(tmp_path / "none")
    with pytest.raises(NoImages, match="no images"):
        find_images(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(NoImages, match="none of 1"):
        ImageSet(find_images(tmp_path), 16, 1.0, lambda line: None)


def test_images_are_the_same_without_room_to_keep_them(tmp_path: Path) -> None:
    kept, read = image_set(tmp_path), image_set(tmp_path, cache=0.0)
    assert all(np.array_equal(kept[i], read[i]) for i in range(len(kept)))


def test_groups_are_a_function_of_seed_step_and_number(tmp_path: Path) -> None:
    images = image_set(tmp_path)
    group = draw_group(images, RULES, 1, 2, 3)
    assert group.patches.shape == (2, 3, 16, 16)
    assert group.patches.dtype == torch.uint8
    assert all(5 <= quality <= 95 for quality in group.qualities)
    assert equal(group, draw_group(images, RULES, 1, 2, 3))
    for other in ((0, 2, 3), (1, 0, 3), (1, 2, 0)):
        assert not torch.equal(group.patches, draw_group(images, RULES, *other).patches)


def test_low_qualities_come_more_often_with_a_lower_power(tmp_path: Path) -> None:
    images = image_set(tmp_path)

    def drawn(power: float, ends: tuple[int, int]) -> np.ndarray:
        rules = replace(RULES, group=200, power=power, quality=ends)
        return np.array(draw_group(images, rules, 0, 0, 0).qualities)

    even, low = drawn(1.0, (1, 95)), drawn(0.5, (1, 95))
    assert set(drawn(1.0, (20, 21))) == set(drawn(0.5, (20, 21))) == {20, 21}
    assert set(drawn(0.5, (95, 95))) == {95}
    # Shares below 25: 24 of 95 qualities; (5 - 1) / (sqrt(96) - 1) of their roots.
    assert abs((even < 25).mean() - 24 / 95) < 0.1
    assert abs((low < 25).mean() - 4 / (96**0.5 - 1)) < 0.1
    assert min(low.min(), even.min()) >= 1
    assert max(low.max(), even.max()) <= 95


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
