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
from api.commands.serving.prefork import Supervisor
def work(started):
    atexit.register(print, "taken apart", flush=True)
    started()
    print("served", flush=True)
    return int(sys.argv[1])
print(Supervisor(1, work).run())
"""
STUBBORN = """
import signal, sys
from api.commands.serving.prefork import Workers
class Impatient(Workers):
    stop_seconds = 0.0
def work(started):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    started()
    signal.pause()
import os
Impatient(1, work, lambda: os.kill(os.getpid(), signal.SIGTERM), grace_seconds=0).run()
"""


def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that forks workers, to its end."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


def test_workers_that_cannot_start_end_it_all() -> None:
    """Instead of being started again for ever."""
    assert run(FAILING).stdout == "1\n"


def test_a_worker_that_fails_says_why() -> None:
    """With its traceback, and without unwinding what the parent holds."""
    failed = run(RAISING)
    assert failed.stdout == "1\n"
    assert failed.stderr.count("ValueError: why it failed") == 1


def test_a_server_that_can_start_no_process_can_still_be_stopped() -> None:
    """Signals that are held back during the fork are let through again where it fails."""
    assert run(UNABLE).stdout == "no more processes True\n"


def test_workers_that_end_are_followed_by_others() -> None:
    """Each after a pause; the start is announced once."""
    ended = run(ENDING)
    assert ended.stdout == "started\n0 True\n"
    assert "another starts in" in ended.stderr


def test_a_crash_at_the_start_is_tried_again_and_told() -> None:
    """With what ended it."""
    ended = run(CRASHING, "2")
    assert ended.stdout == "started\n0\n"
    assert ended.stderr.count("was ended by signal 11 (Segmentation fault); another starts in ") == 2


def test_crashes_at_the_start_are_not_tried_for_ever() -> None:
    ended = run(CRASHING, str(MOST_CRASHES + 1))
    assert ended.stdout == "1\n"
    assert ended.stderr.count("another starts in ") == MOST_CRASHES
    assert "before any had answered" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_end_of_a_server_is_that_of_its_command(status: int) -> None:
    """What was said for people is not said twice, and no interpreter that served is taken apart."""
    ended = run(SUPERVISED, str(status))
    assert (ended.stdout, ended.stderr) == (f"served\n{status}\n", "")


def test_what_does_not_end_in_time_is_killed_and_told() -> None:
    ended = run(STUBBORN)
    assert (ended.returncode, "is killed" in ended.stderr) == (0, True)
