// How often the page draws what changes while a training runs: drawing takes the processor's time from the training, so
// that where it takes long it is done less often.

const DRAWING_SHARE = 1 / 8; // of the time that drawing may take
const LONGEST_REST_MS = 2000;

/** Return the time at which the next frame of the screen begins, and wait until it is drawn. */
const nextFrame = () => new Promise((done) => requestAnimationFrame((begun) => setTimeout(() => done(begun))));

/** The rests between drawings, which end at once where no training runs. */
export class Pace {
  constructor() {
    Object.assign(this, { isTraining: false, busyUntil: 0, sleepers: new Set() });
  }

  /** Note whether a training runs. */
  follow({ status }) {
    this.isTraining = status === "training";
    if (this.isTraining) return;
    this.busyUntil = 0;
    for (const wake of this.sleepers) wake();
  }

  /** Let `work` change what is shown, and return once the page has drawn that and rested. */
  async draw(work) {
    const started = performance.now();
    work();
    const worked = performance.now(), begun = await nextFrame(), drawn = performance.now();
    this.charge(worked - started + drawn - begun);
    await this.rest(this.busyUntil - drawn);
  }

  /** Note that some part of the page has taken so long; what several parts take adds up. */
  charge(spent) {
    const now = performance.now(), until = Math.max(this.busyUntil, now - spent) + spent / DRAWING_SHARE;
    this.busyUntil = Math.min(until, now + LONGEST_REST_MS);
  }

  rest(milliseconds) {
    if (!this.isTraining || milliseconds <= 0) return null;
    return new Promise((done) => {
      const wake = () => {
        clearTimeout(timer);
        this.sleepers.delete(wake);
        done();
      };
      const timer = setTimeout(wake, milliseconds);
      this.sleepers.add(wake);
    });
  }
}
