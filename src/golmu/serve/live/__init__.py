"""The live page (`golmu app`): visitors train networks in sight, each its own, over one connection each.

`application` answers the paths. `visitors` knows who is there, `visitor` does what one page asks, and `trainer` is the
thread in which its network trains, watched by `frames`. `hall` is what all share: `data_sets`, `places`, and a run that
was opened. `messages` packs what goes over the connection. The page itself is in `static/`.

The page sends JSON `{"do": ..., ...}`, with a number `ask` if it wants an answer, which carries the same number: `done`
for a command, another kind for a question, or `error` with a `message` in words.

| do | with | |
|---|---|---|
| `start` | data_set, recipe, settings, seed, steps | begins; steps `batch` or `epoch` pause after one, `none` before |
| `pause`, `go`, `reset` | | |
| `step` | unit: `batch` or `epoch` | trains so far, and pauses |
| `pin` | index | shows the feature maps of this validation image |
| `seen` | frame, points | the frame is drawn, and the curve has so many points: now the next frame may come |
| `here` | | nothing: a connection that is gone without a word shows only when something is sent over it |
| `weights` | | `weights`: the network of this moment, for `network.js` |
| `images` | which, class, predicted, block, kernel, n, seed | `images`: what `gallery.choose` finds |
| `image` | index | `image`: one validation image |
| `save` | name | `saved`: a run folder |

The server sends `hello` first, then `state` whenever something changes, `frame` while there is news (the next one only
after `seen`, so that a slow client misses frames and nothing else), and `run` when a training has ended.
"""
