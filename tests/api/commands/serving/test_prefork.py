"""Forked workers, in a process of their own: pytest is not to be forked."""

import subprocess
import sys

import pytest

from api.commands.serving.prefork import MOST_CRASHES
from tests.conftest import ROOT

FAILING = """
from api.commands.serving.prefork import Workers
print(Workers(3, lambda started: 1, lambda: print("started"), lambda pid: None).run())
"""
RAISING = """
from api.commands.serving.prefork import Workers
def work(started):
    raise ValueError("why it failed")
print(Workers(1, work, lambda: print("started"), lambda pid: None).run())
"""
ENDING = """
import os, signal
from api.commands.serving.prefork import Workers
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
import os, signal
from api.commands.serving.prefork import STOPPING, Workers
def refuse():
    raise BlockingIOError("no more processes")
os.fork = refuse
try:
    Workers(1, lambda started: 0, lambda: None, lambda pid: None).run()
except BlockingIOError as error:
    print(error, signal.pthread_sigmask(signal.SIG_BLOCK, ()).isdisjoint(STOPPING))
"""

CRASHING = """
import os, signal, sys
from api.commands.serving.prefork import Workers
crashes = int(sys.argv[1])
def work(started):
    if left:
        os.kill(os.getpid(), signal.SIGSEGV)
    started()
    return 0
left = crashes
def count(pid):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGTERM)
print(Workers(1, work, lambda: print("started", flush=True), count).run())
"""
SUPERVISED = """
import atexit, os, sys
from api.commands.serving.prefork import Workers
def work(started):
    atexit.register(print, "taken apart", flush=True)
    started()
    print("served", flush=True)
    return int(sys.argv[1])
print(Workers(1, work, is_server=True).run())
"""
STUBBORN = """
import os, signal
from api.commands.serving import prefork
prefork.STOP_SECONDS = 0.0
def work(started):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    started()
    signal.pause()
prefork.Workers(1, work, lambda: os.kill(os.getpid(), signal.SIGTERM), grace_seconds=0).run()
"""


FOLLOWED = "was ended by signal 11 (Segmentation fault); another starts in "


@pytest.mark.parametrize(
    ("code", "arguments", "out", "said", "times"),
    [
        # workers that cannot start end it all, instead of being started again for ever
        (FAILING, (), "1\n", "", 0),
        # one that fails says why, with its traceback, and without unwinding what the parent holds
        (RAISING, (), "1\n", "ValueError: why it failed", 1),
        # signals that are held back during the fork are let through again where it fails
        (UNABLE, (), "no more processes True\n", "", 0),
        # those that end are followed by others, each after a pause; the start is announced once
        (ENDING, (), "started\n0 True\n", "another starts in", None),
        # a crash at the start is tried again, and told with what ended it
        (CRASHING, ("2",), "started\n0\n", FOLLOWED, 2),
        # and not for ever
        (CRASHING, (str(MOST_CRASHES + 1),), "1\n", FOLLOWED, MOST_CRASHES),
        # the end of a server is that of its command; no interpreter that served is taken apart
        *((SUPERVISED, (status,), f"served\n{status}\n", "", 0) for status in "012"),
        # what does not end in time is killed and told
        (STUBBORN, (), "", "is killed", 1),
    ],
)
def test_workers_are_kept_running(
    code: str, arguments: tuple[str, ...], out: str, said: str, times: int | None
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, out)
    if times is None:
        assert said in ended.stderr
    elif said:
        assert ended.stderr.count(said) == times
    if times == MOST_CRASHES:
        assert "before any had answered" in ended.stderr.splitlines()[-1]
    if code == SUPERVISED:  # what was said for people is not said twice
        assert ended.stderr == ""
