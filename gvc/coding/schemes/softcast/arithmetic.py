"""An adaptive binary range coder (G. N. N. Martin, 1979), in the integer arithmetic of LZMA's (I. Pavlov)."""

BITS = 12
RATE = 4
"""A probability moves by 2^-RATE of its distance: few decisions are coded, they must be learned fast."""
_TOP = 1 << 24


class Encoder:
    """Codes decisions, each in a context 0 to `contexts` - 1.

    start: the probabilities of a 0 to begin with, in 2^-BITS, where they are known; `rate` instead of RATE then.
    """

    def __init__(self, contexts: int, start: list[int] | None = None, rate: int = RATE):
        self._zero = list(start) if start is not None else [1 << (BITS - 1)] * contexts
        self._rate = rate
        self._low, self._range, self._bytes = 0, 0xFFFFFFFF, bytearray()

    def code(self, bit: int, context: int) -> int:
        """Code one decision; returns it."""
        bound = (self._range >> BITS) * self._zero[context]
        if bit:
            self._low += bound
            self._range -= bound
            self._zero[context] -= self._zero[context] >> self._rate
        else:
            self._range = bound
            self._zero[context] += ((1 << BITS) - self._zero[context]) >> self._rate
        while self._range < _TOP:
            self._range = self._range << 8 & 0xFFFFFFFF
            self._shift()
        return bit

    def finish(self) -> bytes:
        """Everything coded; zeros that a decoder reads behind its data anyway are left out."""
        # the number of the last interval with the most zeros at its end
        for bits in range(32, -1, -1):
            rounded = (self._low + (1 << bits) - 1) >> bits << bits
            if rounded < self._low + self._range:
                self._low = rounded
                break
        for _ in range(5):
            self._shift()
        return bytes(self._bytes).rstrip(b"\0")

    def _shift(self) -> None:
        if self._low >> 32:
            place = len(self._bytes) - 1
            while self._bytes[place] == 0xFF:
                self._bytes[place] = 0
                place -= 1
            self._bytes[place] += 1
        self._bytes.append(self._low >> 24 & 0xFF)
        self._low = self._low << 8 & 0xFFFFFFFF


class Decoder:
    """Decodes what `Encoder` coded; behind the end of the data there are zeros, so that anything decodes."""

    def __init__(self, data: bytes, contexts: int, start: list[int] | None = None, rate: int = RATE):
        self._zero = list(start) if start is not None else [1 << (BITS - 1)] * contexts
        self._rate = rate
        self._data, self._place = data, 4
        self._code, self._range = int.from_bytes(data[:4].ljust(4, b"\0"), "big"), 0xFFFFFFFF

    def code(self, bit: int | None, context: int) -> int:
        """The next decision; `bit` is not used: encoder and decoder walk the same model."""
        bound = (self._range >> BITS) * self._zero[context]
        if self._code >= bound:
            bit = 1
            self._code -= bound
            self._range -= bound
            self._zero[context] -= self._zero[context] >> self._rate
        else:
            bit = 0
            self._range = bound
            self._zero[context] += ((1 << BITS) - self._zero[context]) >> self._rate
        while self._range < _TOP:
            following = self._data[self._place] if self._place < len(self._data) else 0
            self._range = self._range << 8 & 0xFFFFFFFF
            self._code = (self._code << 8 | following) & 0xFFFFFFFF
            self._place += 1
        return bit
