"""Forked workers, in a process of their own: pytest is not to be forked."""

import subprocess
import sys

from tests.conftest import ROOT

FAILING = """
from api.commands.prefork import Workers
print(Workers(3, lambda started: False, lambda: print("started"), lambda pid: None).run())
"""
RAISING = """
from api.commands.prefork import Workers
def work(started):
    raise ValueError("why it failed")
print(Workers(1, work, lambda: print("started"), lambda pid: None).run())
"""
ENDING = """
import os, signal
from api.commands.prefork import Workers
def work(started):
    started()
    return True
dead = []
def count(pid):
    dead.append(pid)
    if len(dead) == 4:
        os.kill(os.getpid(), signal.SIGTERM)
print(Workers(2, work, lambda: print("started", flush=True), count).run(), len(set(dead)) >= 4)
"""
UNABLE = """
import os, signal
from api.commands.prefork import STOPPING, Workers
def refuse():
    raise BlockingIOError("no more processes")
os.fork = refuse
try:
    Workers(1, lambda started: True, lambda: None, lambda pid: None).run()
except BlockingIOError as error:
    print(error, signal.pthread_sigmask(signal.SIG_BLOCK, ()).isdisjoint(STOPPING))
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that forks workers, to its end."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


def test_workers_that_cannot_start_end_it_all() -> None:
    """Instead of being started again for ever."""
    assert run(FAILING).stdout == "False\n"


def test_a_worker_that_fails_says_why() -> None:
    """With its traceback, and without unwinding what the parent holds."""
    failed = run(RAISING)
    assert failed.stdout == "False\n"
    assert failed.stderr.count("ValueError: why it failed") == 1


def test_a_server_that_can_start_no_process_can_still_be_stopped() -> None:
    """Signals that are held back during the fork are let through again where it fails."""
    assert run(UNABLE).stdout == "no more processes True\n"


def test_workers_that_end_are_followed_by_others() -> None:
    """Each after a pause; the start is announced once."""
    ended = run(ENDING)
    assert ended.stdout == "started\nTrue True\n"
    assert "another starts in" in ended.stderr
