"""Which of very many texts have been seen, in 16 to 32 bytes each."""

from array import array

_START = 1 << 12
_EMPTY = 0


class Seen:
    """A set of texts that are known by a hash of 64 bits alone, in one flat table."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _START))
        self._count = 0

    def add(self, thing: str) -> bool:
        """Whether it is new; from now on it is not."""
        if 2 * (self._count + 1) > len(self._slots):
            old, self._slots = self._slots, array("Q", bytes(16 * len(self._slots)))
            for number in old:
                if number != _EMPTY:
                    self._slots[self._place(number)] = number
        number = hash(thing) & ((1 << 64) - 1) or 1
        place = self._place(number)
        if self._slots[place] == number:
            return False
        self._slots[place] = number
        self._count += 1
        return True

    def __contains__(self, thing: str) -> bool:
        number = hash(thing) & ((1 << 64) - 1) or 1
        return self._slots[self._place(number)] == number

    def __len__(self) -> int:
        return self._count

    def _place(self, number: int) -> int:
        mask = len(self._slots) - 1
        place = number & mask
        while self._slots[place] not in (_EMPTY, number):
            place = (place + 1) & mask
        return place
