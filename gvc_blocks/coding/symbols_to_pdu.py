"""From the testbed's messages to GNU Radio's: symbols as PDUs for stock blocks."""

import pmt

from gvc.phy.frames import ReceivedFrame, SymbolFrame
from gvc_blocks.runtime.contents import DenoisedFrame
from gvc_blocks.runtime.guarded import GuardedBlock


class SymbolsToPdu(GuardedBlock):
    """Passes the symbols of each frame on as a PDU, for Message Debug, QT sinks or PDU to Tagged Stream.

    It stands beside the chain: connect any `symbols` output to it as well.

    Input message `symbols`: SymbolFrame, ReceivedFrame, or DenoisedFrame, whose estimate is taken. Output message
    `pdus`: pmt.cons(dictionary, c32vector), complex64 [n]; the dictionary has `frame_id` and, of received frames,
    `snr_db`, `evm_db`, `bursts_received`, `bursts_expected`.

    Nobody waits for whoever reads the PDUs: GNU Radio's own queues have no bound.
    """

    PORT = pmt.intern("pdus")

    def __init__(self) -> None:
        super().__init__("gvc symbols to pdu")
        self.receive("symbols", self._convert)
        self.message_port_register_out(pmt.intern("pdus"))

    def _convert(self, content: SymbolFrame | ReceivedFrame | DenoisedFrame) -> None:
        received = content.received if isinstance(content, DenoisedFrame) else content
        told = pmt.dict_add(pmt.make_dict(), pmt.intern("frame_id"), pmt.from_long(content.frame_id))
        if isinstance(received, ReceivedFrame):
            for key in ("snr_db", "evm_db"):
                told = pmt.dict_add(told, pmt.intern(key), pmt.from_double(float(getattr(received, key))))
            for key in ("bursts_received", "bursts_expected"):
                told = pmt.dict_add(told, pmt.intern(key), pmt.from_long(getattr(received, key)))
        vector = pmt.init_c32vector(len(content.symbols), content.symbols)
        self.message_port_pub(self.PORT, pmt.cons(told, vector))
