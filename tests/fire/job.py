"""One background job, once, in a process of its own: what huey would call, without waiting for its minute.

python -m tests.fire.job tell_of_alerts
"""

from __future__ import annotations

import sys

from api.context import open_context
from api.jobs import add_jobs, make_queue
from api.settings import load_settings

if __name__ == "__main__":
    context = open_context(load_settings())
    add_jobs(make_queue(context), context)[sys.argv[1]].call_local()
