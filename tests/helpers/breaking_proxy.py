"""A way to a server that can break: connections through it end without a goodbye when the test says so."""

import socket
import struct
import threading
from contextlib import contextmanager, suppress


class BreakingProxy:
    """Hands on what comes to its own port of this computer to another one."""

    def __init__(self, port):
        self._to, self._pairs, self._lost = port, [], set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                self._pairs += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_on, args=(one, other), daemon=True).start()

    def _hand_on(self, one, other):
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        if other not in self._lost:
            with suppress(OSError):
                other.shutdown(socket.SHUT_WR)
        if one in self._lost:
            self._reset(one)

    def cut(self):
        """Break all connections."""
        pairs, self._pairs = self._pairs, []
        for one in pairs:
            self._reset(one)

    def lose(self):
        """Break all connections to the server; clients are not told until they say something."""
        pairs, self._pairs = self._pairs, []
        self._lost.update(pairs[::2])
        for one in pairs[1::2]:
            self._reset(one)

    @staticmethod
    def _reset(one):
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
            one.shutdown(socket.SHUT_RDWR)
        one.close()

    def close(self):
        self._listener.close()
        self.cut()


@contextmanager
def breaking_proxy(port):
    proxy = BreakingProxy(port)
    yield proxy
    proxy.close()
