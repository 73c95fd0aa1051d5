"""A task that does nothing, and one that tells how long it took to be begun."""
import os
import time

import redis
from celery import Celery

url = os.environ["BROKER"]
app = Celery("noop", broker=url)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
store = redis.Redis.from_url(url)


@app.task
def noop():
    pass


@app.task
def held(sent):
    store.rpush("held", time.time() - sent)
