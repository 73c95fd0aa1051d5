"""produce.py noop N: sends N tasks, and waits until all are acknowledged; prints seconds of sending and of all.
produce.py held N: sends N tasks one by one, each after the one before was begun; prints the seconds of each."""
import sys
import time

from noop import held, noop, store

what, n = sys.argv[1], int(sys.argv[2])
if what == "noop":
    begun = time.perf_counter()
    for _ in range(n):
        noop.delay()
    sent = time.perf_counter()
    while store.llen("celery") or store.hlen("unacked"):
        time.sleep(0.01)
    print(sent - begun, time.perf_counter() - begun)
else:
    for _ in range(n):
        time.sleep(0.02)
        held.delay(time.time())
        print(float(store.blpop("held")[1]))
