"""What is proven about the units of a region: kept, so that nothing is proven twice."""

from math import inf

import torch
from torch import Tensor

from jpegx.consistency.causes import Causes
from jpegx.consistency.certificates import NONE, Certificates
from jpegx.consistency.count_causes import certainty_cost, count_causes
from jpegx.consistency.search_budget import Budget
from jpegx.consistency.units import UnitModel
from jpegx.consistency.work import Work

# Of a unit: no proof was looked for yet, or its exact gap is none.
_UNKNOWN, _NO_GAP = -1, 3


class Proofs:
    """Why units cannot be met, by :class:`Certificates`, from one image of a file to the next."""

    def __init__(self, model: UnitModel, units: int) -> None:
        self._model = model
        self._certificates: Certificates | None = None
        self._proven = torch.full((units,), _UNKNOWN, dtype=torch.int8)

    def prove(self, work: Work) -> Tensor:
        """Of each unit, int8 (M,) as in ``certificates``; equal units share one proof."""
        index = work.index.cpu()
        unknown = self._proven[index] == _UNKNOWN
        if unknown.any():
            quantized = work.quantized[unknown.to(work.index.device)]
            distinct, which = torch.unique(quantized, dim=0, return_inverse=True)
            self._proven[index[unknown]] = self._ask(distinct, certify=False)[which.cpu()]
        return self._proven[index].to(work.index.device)

    def certify(self, work: Work, budget: Budget, most: float = inf) -> Tensor:
        """The same after a look at the exact gaps of units without a proof, if these are few.

        ``most``: what the gaps may cost at most, in the measure of the budget.
        """
        index = work.index.cpu()
        unsure = (self._proven[index] == NONE).nonzero().squeeze(1)
        cost = len(unsure) * certainty_cost(self._model)
        if len(unsure) and cost <= most and budget.afford(cost):
            quantized = work.quantized[unsure.to(work.index.device)]
            causes = self._ask(quantized, certify=True)
            self._proven[index[unsure]] = causes.masked_fill(causes == NONE, _NO_GAP)
        return self._proven[index].to(work.index.device)

    @staticmethod
    def possible(causes: Tensor) -> Tensor:
        """Which units are not proven impossible: bool (M,)."""
        return (causes == NONE) | (causes == _NO_GAP)

    def count(self, work: Work) -> Causes:
        """The coefficients that units miss, by what is proven about them."""
        return count_causes(self._proven[work.index.cpu()], work.misses.cpu())

    def _ask(self, quantized: Tensor, *, certify: bool) -> Tensor:
        if self._certificates is None:
            self._certificates = Certificates(self._model)
        return self._certificates.causes(quantized, certify=certify).cpu()
