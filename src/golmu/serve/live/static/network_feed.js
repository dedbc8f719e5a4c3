// The network of the moment for the tabs that compute with it: its weights are fetched while such a tab is in view, and
// only when they have changed.

import { Network } from "./shared/network.js";

const TABS = ["look", "try"];
const PAUSE_MS = 500; // between two fetches, at least

/** Keeps `network` as new as the tab in view needs it; without one, `reason` is "none", "diverged" or "too_large". */
export class NetworkFeed {
  constructor(app) {
    Object.assign(this, { app, network: null, reason: "none", seen: null, isStale: true, isAsking: false, lastAsked: 0 });
    app.addEventListener("state", () => this.note());
    app.addEventListener("frame", ({ detail: { run, steps } }) => {
      if (run !== this.seen?.run || steps !== this.seen.steps) this.note({ run, steps });
    });
  }

  /** Note that the weights may have changed, since these steps of a run were seen. */
  note(seen = null) {
    Object.assign(this, { seen, isStale: true });
    this.update();
  }

  /** Fetch the weights if a tab in view needs them, and they have changed. */
  async update() {
    if (!this.isStale || this.isAsking || !TABS.includes(this.app.tab) || !this.app.socket.isOpen) return;
    this.isAsking = true;
    await new Promise((done) => setTimeout(done, Math.max(0, this.lastAsked + PAUSE_MS - performance.now())));
    [this.isStale, this.lastAsked] = [false, performance.now()];
    try {
      const answer = await this.app.socket.ask({ do: "weights" });
      await this.app.pace.draw(() => this.take(answer));
    } catch {
      this.seen = null; // there is no network yet, or the connection is lost: the next state or frame asks again
    }
    this.isAsking = false;
    this.update();
  }

  take({ network, files, drawn_share: drawnShare, reason }) {
    this.network = network && Object.assign(new Network(network), { files, drawnShare });
    this.reason = reason ?? "none";
    this.app.emit("network");
  }
}
