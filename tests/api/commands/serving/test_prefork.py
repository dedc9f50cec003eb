"""Forked workers, in a process of their own: pytest is not to be forked."""

import subprocess
import sys

from api.commands.serving.prefork import MOST_CRASHES
from tests.conftest import ROOT

FAILING = """
print(Workers(3, lambda started: 1, lambda: print("started"), lambda pid: None).run())
"""
RAISING = """
def work(started):
    raise ValueError("why it failed")
print(Workers(1, work, lambda: print("started"), lambda pid: None).run())
"""
ENDING = """
def work(started):
    started()
    return 0
dead = []
def count(pid):
    dead.append(pid)
    if len(dead) == 4:
        os.kill(os.getpid(), signal.SIGTERM)
print(Workers(2, work, lambda: print("started", flush=True), count).run(), len(set(dead)) >= 4)
"""
UNABLE = """
def refuse():
    raise BlockingIOError("no more processes")
os.fork = refuse
try:
    Workers(1, lambda started: 0, lambda: None, lambda pid: None).run()
except BlockingIOError as error:
    print(error, signal.pthread_sigmask(signal.SIG_BLOCK, ()).isdisjoint(prefork.STOPPING))
"""
CRASHING = """
left = {crashes}
def work(started):
    if left:
        os.kill(os.getpid(), signal.SIGSEGV)
    started()
    return 0
def count(pid):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGTERM)
print(Workers(1, work, lambda: print("started", flush=True), count).run())
"""
SUPERVISED = """
def work(started):
    atexit.register(print, "taken apart", flush=True)
    started()
    print("served", flush=True)
    return {status}
print(Workers(1, work, is_server=True).run())
"""
STUBBORN = """
prefork.STOP_SECONDS = 0.0
def work(started):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    started()
    signal.pause()
Workers(1, work, lambda: os.kill(os.getpid(), signal.SIGTERM), grace_seconds=0).run()
"""
FOLLOWED = "was ended by signal 11 (Segmentation fault); another starts in "
# what runs, what it prints, what it says for people, and how often (None: at least once)
STORIES = [
    # workers that cannot start end it all, instead of being started again for ever
    (FAILING, "1\n", "another", 0),
    # one that fails says why, with its traceback, and without unwinding what the parent holds
    (RAISING, "1\n", "ValueError: why it failed", 1),
    # those that end are followed by others, each after a pause; the start is announced once
    (ENDING, "started\n0 True\n", "another starts in", None),
    # a crash at the start is tried again, and told with what ended it
    (CRASHING.format(crashes=2), "started\n0\n", FOLLOWED, 2),
    # and not for ever
    (CRASHING.format(crashes=MOST_CRASHES + 1), "1\n", FOLLOWED, MOST_CRASHES),
    # the end of a server is that of its command; no interpreter that served is taken apart; nothing is said twice
    *((SUPERVISED.format(status=status), f"served\n{status}\n", "vivier:", 0) for status in range(3)),
    # what does not end in time is killed and told
    (STUBBORN, "", "is killed", 1),
    # signals that are held back during the fork are let through again where it fails
    (UNABLE, "no more processes True\n", "vivier:", 0),
]
ALL = """
import atexit, os, signal, sys
from api.commands.serving import prefork
prefork.FIRST_PAUSE_SECONDS = 0.001
for story in sys.argv[1:]:
    exec(story, {"Workers": prefork.Workers, "prefork": prefork, "atexit": atexit, "os": os, "signal": signal})
    for stream in (sys.stdout, sys.stderr):
        print("THE END", file=stream, flush=True)
os._exit(0)
"""


def test_workers_are_kept_running() -> None:
    """Each story in one process after the other; the last crash before any had answered is told as such."""
    done = subprocess.run(
        [sys.executable, "-c", ALL, *(story for story, *_ in STORIES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    out, err = (text.split("THE END\n")[:-1] for text in (done.stdout, done.stderr))
    assert out == [printed for _, printed, _, _ in STORIES]
    for (_, _, words, times), said in zip(STORIES, err, strict=True):
        assert words in said if times is None else said.count(words) == times, said
    assert "before any had answered" in err[4].splitlines()[-1]
