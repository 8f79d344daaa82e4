"""Run a module so that it dies with the process that started it, however that one ends.

`python -m simulators.leash PARENT MODULE ARGUMENTS…` becomes `python -m MODULE ARGUMENTS…`. A parent that is killed
cannot clean up, so the kernel does: PR_SET_PDEATHSIG (prctl(2)) survives the exec. It is set here, not in a
preexec_fn, which is unsafe in a program with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, module, *arguments = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the parent died first")
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own interpreter


if __name__ == "__main__":
    main()
