"""What exact pictures may cost: a budget for each image, and parts of it."""

from jpegx.consistency.count_causes import AFFORDABLE
from jpegx.consistency.sample_search import OVERHEAD


class Budget:
    """What may still be spent on searches, and on exact gaps (``proofs``) for the whole image."""

    def __init__(self, left: float, whole: "Budget | None" = None) -> None:
        self.left = left
        self.proofs = AFFORDABLE
        self._whole = whole

    def afford(self, proofs: float) -> bool:
        """Takes what exact gaps cost, if it is left."""
        if self._whole is not None:
            return self._whole.afford(proofs)
        if proofs > self.proofs:
            return False
        self.proofs -= proofs
        return True

    def part(self, share: float) -> "Budget":
        """A budget of its own, taken from this one; what it leaves is still here."""
        return Budget(self.left * share, self)

    def spend(self, amount: float) -> None:
        """Takes from this budget, and from what it is part of."""
        self.left -= amount
        if self._whole is not None:
            self._whole.spend(amount)

    def rounds(self, blocks: float, most: int) -> int:
        """Rounds on so many blocks that are left, at most ``most``."""
        return max(0, min(most, int(self.left / (blocks + OVERHEAD))))
