"""Script that becomes a server which Linux ends with its owner: `launch.py OWNER_PID UID GID COMMAND...`.

Not a `preexec_fn`, which is unsafe beside threads. The signal is asked for last: a change of user would cancel it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    owner, uid, gid = map(int, sys.argv[1:4])
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
    if os.getppid() == owner:
        os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606
