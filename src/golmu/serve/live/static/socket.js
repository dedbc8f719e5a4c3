// The connection to the server. One that breaks is made again, for the same visitor: the server keeps a visitor's
// training for some minutes.

import { decodeMessage } from "./messages.js";

const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 5000; // between tries; each wait is twice the one before
const BEAT_MS = 5000; // between signs of life: a connection that is gone without a word shows when something is sent

export const LOST = "the connection is lost";

/** A question's answer that the server has refused, in its words. */
export class Refused extends Error {}

/** The connection. An event "connection" says that `isOpen` has changed. */
export class Socket extends EventTarget {
  constructor() {
    super();
    Object.assign(this, { isOpen: false, visitor: null, wait: FIRST_WAIT_MS, handlers: new Map(), asked: new Map(), n_asked: 0 });
    // So the server hears that the page is closed. A page that the browser keeps for its Back button connects again.
    window.addEventListener("pagehide", () => this.socket?.close(1000));
    setInterval(() => this.send({ do: "here" }), BEAT_MS);
  }

  /** Call a handler with each message of a kind, until `signal` aborts. */
  on(kind, handler, signal = null) {
    if (!this.handlers.has(kind)) this.handlers.set(kind, new Set());
    this.handlers.get(kind).add(handler);
    signal?.addEventListener("abort", () => this.handlers.get(kind).delete(handler));
  }

  /** Return the address of a path, with who asks for it. */
  addressOf(path) {
    const address = new URL(path, location.href), token = new URLSearchParams(location.search).get("token");
    if (token) address.searchParams.set("token", token);
    if (this.visitor) address.searchParams.set("visitor", this.visitor);
    return address;
  }

  connect() {
    const address = this.addressOf("socket");
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.socket = new WebSocket(address));
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.receive(decodeMessage(data)));
    socket.addEventListener("close", () => this.lose());
  }

  receive(message) {
    if (message.kind === "hello") [this.visitor, this.wait] = [message.visitor, FIRST_WAIT_MS];
    // Only with the state that follows does the page know what it can ask for.
    if (message.kind === "state" && !this.isOpen) this.setOpen(true);
    const question = this.asked.get(message.ask);
    if (question) {
      this.asked.delete(message.ask);
      if (message.kind === "error") question.reject(new Refused(message.message));
      else question.resolve(message);
      return;
    }
    for (const handler of this.handlers.get(message.kind) ?? []) handler(message);
  }

  lose() {
    for (const { reject } of this.asked.values()) reject(new Refused(LOST));
    this.asked.clear();
    this.setOpen(false);
    setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
  }

  setOpen(isOpen) {
    this.isOpen = isOpen;
    this.dispatchEvent(new Event("connection"));
  }

  /** Send a message, if there is a connection. */
  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
  }

  /** Fetch a path beside the connection, as the same visitor; `Refused` says why there is no response. */
  async fetch(path, options) {
    const response = await fetch(this.addressOf(path), options).catch(() => Promise.reject(new Refused(LOST)));
    if (!response.ok) throw new Refused((await response.json().catch(() => ({ detail: LOST }))).detail);
    return response;
  }

  /** Send a message and return its answer; `Refused` says why there is none. */
  ask(message) {
    if (!this.isOpen) return Promise.reject(new Refused(LOST));
    const ask = ++this.n_asked;
    return new Promise((resolve, reject) => {
      this.asked.set(ask, { resolve, reject });
      this.send({ ...message, ask });
    });
  }
}
