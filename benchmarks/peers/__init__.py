"""The peers of the benchmark: golmu's network, written as a good user of each library would write it.

Each peer is a process of its own, started from the repository's root with the Python of the bench environment
(`benchmarks/requirements.txt`)::

    python -m benchmarks.peers.torch_loop --data fashion.npz --variant compile

It loads the data, builds, trains one epoch to warm up, prints one JSON line that says so, and then waits for commands
on its standard input (`serve.py`). A waiting peer uses no core, so that a driver can hold all of them in memory and run
them in turn.
"""
