"""The signals that stop the program: Ctrl-C, a polite kill, a closed terminal."""

import signal

IMPATIENT = 1.0  # seconds: sooner, a second signal is part of the first

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Those that a terminal sends to all of its processes; who gave them their work ends them in order.
OF_A_TERMINAL = (signal.SIGINT, signal.SIGHUP)
