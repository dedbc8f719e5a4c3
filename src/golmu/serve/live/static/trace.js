// One image on its way through a network, and each number on that way with the numbers that it comes from. It touches
// no page. Maps lie as the network has them: by row, column and kernel, the kernel running fastest.

import { softmax } from "./shared/network.js";

export const WINDOW = 3; // pixels along a side of a kernel
export const POOL = 2; // and of a pooling window

export class Trace {
  /** Follow pixels (h, w, c), from 0 to 255, through a network of network.js. */
  constructor(network, pixels) {
    const { input, blocks, hiddenSums, hidden, logits } = network.forward(pixels);
    Object.assign(this, { network, pixels, input, blocks, hiddenSums, hidden, ownLogits: logits });
    this.mirroredLogits = network.isMirrored ? network.forward(network.mirror(pixels)).logits : null;
    this.logits = logits.map((logit, i) => (this.mirroredLogits ? (logit + this.mirroredLogits[i]) / 2 : logit));
    this.probabilities = softmax(this.logits);
    this.predicted = this.probabilities.reduce((best, value, i, all) => (value > all[best] ? i : best), 0);
  }

  /** Return what a block reads: the image, or the pooled maps of the block before it. */
  inputOf(number) {
    const { height, width, channels } = this.network.blocks[number];
    return { values: number ? this.blocks[number - 1].pooled : this.input, height, width, channels };
  }

  /** Return the size of a block's pooled maps. */
  pooledShape(number) {
    const { height, width, kernels } = this.network.blocks[number];
    return { height: height >> 1, width: width >> 1, kernels };
  }

  /**
   * Return how a block's kernel comes to its sum at a place: for each channel the nine values of the `window` (0 in the
   * border), the nine `weights`, their `products` and the `sum` of these; and over all channels the `bias` and the
   * `sum`.
   */
  convolutionAt(number, kernel, y, x) {
    const { kernels, weights, bias } = this.network.blocks[number],
      input = this.inputOf(number);
    const channels = Array.from({ length: input.channels }, (_, channel) => {
      const window = [],
        own = [],
        isInside = [];
      for (let i = 0; i < WINDOW; i++) {
        for (let j = 0; j < WINDOW; j++) {
          const [row, column] = [y + i - 1, x + j - 1];
          const inside = row >= 0 && row < input.height && column >= 0 && column < input.width;
          isInside.push(inside);
          window.push(inside ? input.values[(row * input.width + column) * input.channels + channel] : 0);
          own.push(weights[((i * WINDOW + j) * input.channels + channel) * kernels + kernel]);
        }
      }
      const products = window.map((value, i) => value * own[i]);
      return { window, isInside, weights: own, products, sum: products.reduce((a, b) => a + b, 0) };
    });
    return { channels, bias: bias[kernel], sum: channels.reduce((sum, one) => sum + one.sum, bias[kernel]) };
  }

  /** Return the four values of a pooling window, by row, and which of them is the maximum: the first of equals. */
  poolingAt(number, kernel, y, x) {
    const { width, kernels } = this.network.blocks[number],
      { maps } = this.blocks[number],
      values = [];
    for (let i = 0; i < POOL; i++) {
      for (let j = 0; j < POOL; j++) values.push(maps[((POOL * y + i) * width + POOL * x + j) * kernels + kernel]);
    }
    return { values, chosen: values.indexOf(Math.max(...values)) };
  }

  /** Return the weights (h', w', K) with which a hidden unit reads the last pooled maps. */
  unitWeights(unit) {
    const { w1 } = this.network.weights,
      n = this.hidden.length;
    return Float32Array.from({ length: w1.length / n }, (_, i) => w1[i * n + unit]);
  }

  /** Return what each pooled value adds to a hidden unit, (h', w', K): value times weight. */
  unitProducts(unit) {
    const { pooled } = this.blocks.at(-1);
    return this.unitWeights(unit).map((weight, i) => weight * pooled[i]);
  }

  /** Return what the map of each kernel of the last block adds to a hidden unit, (K,). */
  unitSums(unit) {
    const { kernels } = this.network.blocks.at(-1),
      sums = new Float64Array(kernels);
    this.unitProducts(unit).forEach((product, i) => (sums[i % kernels] += product));
    return sums;
  }

  /** Return the weights (U,) with which a class reads the hidden units. */
  classWeights(category) {
    const { w2 } = this.network.weights,
      n = this.logits.length;
    return Float32Array.from({ length: this.hidden.length }, (_, unit) => w2[unit * n + category]);
  }

  /** Return what each hidden unit adds to the logit of a class, (U,). */
  classProducts(category) {
    return this.classWeights(category).map((weight, unit) => weight * this.hidden[unit]);
  }
}
