"""The signals that stop the program: Ctrl-C, a polite kill, a closed terminal."""

import signal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
