"""Run as a script: a small graph in which one block misbehaves in the way that the first argument names."""

import sys
import threading
import time

import numpy as np
from gnuradio import gr

from flowgraphs import runner
from gvc.errors import GvcError, InputError
from gvc_blocks.runtime import flow
from gvc_blocks.runtime.guarded import WORK_DONE, GuardedBlock

FRAMES = 6


class Content:
    def __init__(self, frame_id: int):
        self.frame_id = frame_id


class Source(GuardedBlock):
    """Messages from a thread of its own."""

    def __init__(self, way: str):
        super().__init__("source")
        self.way = way
        self.send_on("frames")

    def begin(self) -> None:
        if self.way == "begin raises":
            raise ValueError("begin")
        threading.Thread(target=self._guard, args=(self.give,), daemon=True).start()

    def give(self) -> None:
        for frame_id in range(FRAMES):
            if self.way == "thread raises" and frame_id == 2:
                raise ValueError("thread")
            if self.way == "waits for a signal":
                print("running", flush=True)
                self.flow.stopping.wait(60)
            self.publish("frames", Content(frame_id))
        self.end()


class Modulator(GuardedBlock):
    """100 samples a message, like a transmitter."""

    def __init__(self, way: str):
        super().__init__("modulator", None, [np.complex64])
        self.way = way
        self.queue: list = []
        self.over = False
        self.receive("frames", self.take, hold=True)

    def take(self, parcel) -> None:
        if self.way == "handler raises" and parcel.content.frame_id == 3:
            raise ValueError("handler")
        if self.way == "handler gives up the interpreter":
            sys.exit(7)
        self.queue.append(parcel)

    def at_end(self) -> None:
        self.over = True

    def process(self, inputs, outputs) -> int:
        if self.queue:
            outputs[0][:100] = self.queue[0].content.frame_id
            if self.way != "never gives credit back":
                self.queue[0].release()
            self.queue.pop(0)
            return 100
        if self.over:
            outputs[0][0] = 0
            self.mark_end(self.nitems_written(0))
            self.end()
            self.over = False
            return 1
        self.wake.wait(0.05)
        self.wake.clear()
        return 0


class Sink(GuardedBlock):
    """Counts samples, and can go wrong at the 150th."""

    def __init__(self, way: str):
        super().__init__("sink", [np.complex64], None)
        self.way = way
        self.seen = 0

    def process(self, inputs, outputs) -> int | None:
        count = len(inputs[0])
        over = self.ends_within(count)
        if self.seen + count >= 150:
            match self.way:
                case "work raises":
                    raise ValueError("work")
                case "typed error":
                    raise InputError("bad sample")
                case "work gives up the interpreter":
                    sys.exit(7)
                case "no count":
                    return None
                case "count too large":
                    return 10**6
                case "returns 0 for ever":
                    return 0
                case "blocks for ever":
                    threading.Event().wait()
                case "holds the interpreter busy":
                    while True:
                        time.sleep(0)
        self.seen += count
        self.consume(0, count)
        return WORK_DONE if over else 0


def main() -> None:
    way = sys.argv[1]
    shared = flow.fresh()
    top = gr.top_block()
    top.source, top.modulator, top.sink = Source(way), Modulator(way), Sink(way)
    top.msg_connect(top.source, "frames", top.modulator, "frames")
    top.connect(top.modulator, top.sink)
    deadline = 2.0 if way == "deadline" else None
    if way == "deadline":
        top.sink.way = "returns 0 for ever"
    try:
        runner.run(top, shared, deadline_s=deadline, stall_s=60 if deadline else 2.0, grace_s=1.0)
    except KeyboardInterrupt:
        print("interrupted")
        sys.exit(130)
    except GvcError as error:
        print(f"{type(error).__name__}: {error}")
        sys.exit(error.exit_code)
    print(f"{top.sink.seen} samples, {len(shared.parcels)} parcels left")


if __name__ == "__main__":
    main()
