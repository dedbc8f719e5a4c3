// What the server refuses: its sentences are for every program that asks; of the most frequent ones the page has words.

import { LOST } from "./socket.js";

const KNOWN = [
  [/^the body is empty/, "refusal.empty"],
  [/^the body is not an image in a known format/, "refusal.no_image"],
  [/^the body is not a readable image/, "refusal.damaged"],
  [/^the body is larger than [\d,]+ pixels|^the body is \d+x\d+ pixels.*at most [\d,]+ are decoded/, "refusal.many_pixels"],
  [/^the body must be at most [\d,]+ bytes/, "refusal.many_bytes"],
  [/ must be at least \d+ for the (?<n>\d+) blocks /, "refusal.blocks"],
  [/^n_kernels and units make [\d,]+ parameters.* at most (?<most>[\d,]+)/, "refusal.parameters"],
  [/^there is no (?:network yet|training to \w+): start /, "refusal.no_network"],
  [/^th(?:is|e) training has ended/, "refusal.ended"],
  [/^(?:this|a) training (?:that )?has diverged/, "refusal.diverged"],
  [/^the images of this run cannot be had/, "refusal.no_images"],
  [/^Fashion-MNIST was not found/, "refusal.no_download"],
  [/ needs (?<name>\S+), which is not installed: (?<command>.+)/, "refusal.no_package"],
  [/ cannot be (?:made|written)\b/, "refusal.not_written"],
  [/^the (?:server|training) failed: /, "refusal.failed"],
  [/^there is not enough memory for this network/, "refusal.memory"],
  [/are (?:still ending|being answered|being made)/, "refusal.busy"],
];

/** Return a sentence of the server in the language of the page, or as it is if the page has no words for it. */
export function refusalInWords(app, sentence) {
  if (sentence === LOST) return app.words("page.lost");
  for (const [pattern, key] of KNOWN) {
    const found = pattern.exec(sentence);
    if (found) return app.words(key, { ...found.groups });
  }
  return sentence;
}
