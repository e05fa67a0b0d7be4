"""Runs cases of the system tests side by side: each in a process of its own (`run ID`), which ends what it started; a signal to this one
reaches all of them. Cases that say `alone = True` measure the machine or change it: they run at the end, one after the other."""
import os
import queue
import re
import signal
import subprocess
import sys
import threading

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")
RESULT = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")


class crew:
    """Workers that take the next case until there is none; the sum of their results."""

    def __init__(self):
        self.lock, self.under_way, self.stopped, self.counts = threading.Lock(), set(), False, [0, 0, 0]

    def stop(self, *_):
        """The cases under way fail and clean up; no other begins."""
        self.stopped = True
        for process in list(self.under_way):
            process.send_signal(signal.SIGTERM)

    def run(self, cases, jobs):
        waiting = queue.SimpleQueue()
        for case in cases:
            waiting.put(case)
        workers = [threading.Thread(target=self.work, args=(waiting,)) for _ in range(jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():   # signals are handled between two waits
                worker.join(0.2)

    def work(self, waiting):
        while not self.stopped:
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                return
            self.run_case(case)

    def run_case(self, case):
        process = subprocess.Popen([sys.executable, RUN, case.id()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace")
        self.under_way.add(process)
        lines = process.communicate()[0].splitlines()
        self.under_way.discard(process)
        result = RESULT.match(lines[-1]) if lines else None
        with self.lock:
            if result:
                self.counts = [have + int(more) for have, more in zip(self.counts, result.groups())]
                lines.pop()
            else:
                self.counts[1] += 1
                lines.append(f"FAILED  {case.id()}: its process ended with {process.returncode} and no result")
            print("\n".join(lines), flush=True)


def run_side_by_side(cases, jobs):
    """(passed, failed, skipped) of all cases; each case's lines are printed together when it has ended."""
    work = crew()
    signal.signal(signal.SIGTERM, work.stop)
    signal.signal(signal.SIGINT, work.stop)
    by_length = sorted(cases, key=lambda case: -getattr(case, "about_seconds", 5))   # a long one last would run with nothing beside it
    work.run([case for case in by_length if not getattr(case, "alone", False)], jobs)
    work.run([case for case in by_length if getattr(case, "alone", False)], 1)
    return tuple(work.counts)
