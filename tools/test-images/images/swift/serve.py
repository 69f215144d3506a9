# Runs all of Swift's servers in one container, as their packages' own programs do. What they have to say is its log.

import os
import sys

# Once for all, because it is most of the time until they answer.
import swift.account.server
import swift.container.server
import swift.obj.server
import swift.proxy.server
from swift.common.wsgi import run_wsgi


def serve(name: str) -> int:
    return run_wsgi(f"/etc/swift/{name}-server.conf", f"{name}-server", verbose=True)


if os.fork() == 0:
    # For the tokens of Swift's own API.
    os.execlp("memcached", "memcached", "--listen", "127.0.0.1", "--memory-limit", "16")
for name in ("account", "container", "object"):
    if os.fork() == 0:
        sys.exit(serve(name))
sys.exit(serve("proxy"))
