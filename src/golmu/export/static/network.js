// The network of docs/en/internals/architecture.md, "The network", for one image at a time: any number of blocks, weights as
// golmu.export.packing describes them. It touches no page, so any page may use it.

/** Return the bytes that a base64 text stands for, as an ArrayBuffer. */
export function decodeBase64(text) {
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes.buffer;
}

const STEPS = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25)); // between neighbours

/** Return the finite number that 16 bits stand for (IEEE 754, binary16). */
function halfToNumber(bits) {
  const exponent = (bits >> 10) & 31, size = ((bits & 1023) + (exponent && 1024)) * STEPS[exponent];
  return bits >> 15 ? -size : size;
}

/** Return packed weights as a Float32Array: the values, those of each column times its scale. */
export function unpackWeights({ type, values, scale }) {
  const bytes = decodeBase64(values);
  if (type === "float32") return new Float32Array(bytes);
  const scales = new Float32Array(decodeBase64(scale)), isWhole = type === "int8";
  const stored = isWhole ? new Int8Array(bytes) : new Uint16Array(bytes), weights = new Float32Array(stored.length);
  for (let i = 0, column = 0; i < weights.length; i++, column = column + 1 === scales.length ? 0 : column + 1) {
    weights[i] = (isWhole ? stored[i] : halfToNumber(stored[i])) * scales[column];
  }
  return weights;
}

/** Return the sums (h, w, K) of a 3×3 convolution of an image (h, w, c) with a border of zeros, bias included. */
export function convolve(image, { height, width, channels, kernels, weights, bias }) {
  const row = (width + 2) * channels, padded = new Float32Array((height + 2) * row);
  for (let y = 0; y < height; y++) {
    padded.set(image.subarray(y * width * channels, (y + 1) * width * channels), (y + 1) * row + channels);
  }
  const sums = new Float32Array(height * width * kernels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += kernels) {
      sums.set(bias, at);
      for (let i = 0, w = 0; i < 3; i++) {
        const start = (y + i) * row + x * channels;
        for (let j = start; j < start + 3 * channels; j++, w += kernels) {
          const value = padded[j];
          if (value !== 0) for (let k = 0; k < kernels; k++) sums[at + k] += value * weights[w + k];
        }
      }
    }
  }
  return sums;
}

/** Return values after ReLU. */
export function relu(values) {
  const above = values.slice();
  for (let i = 0; i < above.length; i++) if (above[i] < 0) above[i] = 0;
  return above;
}

/** Return the maxima (⌊h/2⌋, ⌊w/2⌋, K) of the 2×2 windows of maps (h, w, K). */
export function pool(maps, { height, width, kernels }) {
  const rows = height >> 1, columns = width >> 1, row = width * kernels, pooled = new Float32Array(rows * columns * kernels);
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (let k = 0, from = 2 * (y * row + x * kernels); k < kernels; k++, from++, at++) {
        pooled[at] = Math.max(maps[from], maps[from + kernels], maps[from + row], maps[from + row + kernels]);
      }
    }
  }
  return pooled;
}

/** Return values (n,) times weights (n, m) plus a bias (m,). */
export function dense(values, weights, bias) {
  const sums = Float64Array.from(bias), n = sums.length;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== 0) for (let k = 0, w = i * n; k < n; k++, w++) sums[k] += value * weights[w];
  }
  return sums;
}

/** Return the probabilities of logits. */
export function softmax(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b)), powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** A trained network. */
export class Network {
  /** Make a network of its description, as golmu.export.packing.describe_network writes it. */
  constructor(description) {
    Object.assign(this, { height: description.height, width: description.width, channels: description.channels });
    this.names = description.names;
    this.scale = description.scale; // the convolution sees pixel · scale + offset, by channel
    this.offset = description.offset;
    this.isMirrored = description.mirror; // the logits are the mean over an image and its mirror image
    this.weights = {};
    for (const [name, packed] of Object.entries(description.weights)) this.weights[name] = unpackWeights(packed);
    let { height, width, channels } = this;
    this.blocks = description.kernels.map((kernels, i) => {
      const name = i ? `conv${i + 1}` : "conv";
      const weights = this.weights[`${name}_w`], bias = this.weights[`${name}_b`];
      const block = { height, width, channels, kernels, weights, bias };
      [height, width, channels] = [height >> 1, width >> 1, kernels];
      return block;
    });
  }

  /** Return the probabilities (C,) for pixels (h, w, c) from 0 to 255, and each block's maps (h, w, K) after ReLU. */
  predict(pixels) {
    const { logits, blocks } = this.forward(pixels), maps = blocks.map((block) => block.maps);
    if (!this.isMirrored) return { probabilities: softmax(logits), maps };
    const others = this.forward(this.mirror(pixels)).logits;
    return { probabilities: softmax(logits.map((logit, i) => (logit + others[i]) / 2)), maps };
  }

  /**
   * Return what each layer makes of pixels (h, w, c): the `input` of the first convolution; of each block the `sums` (h, w, K)
   * before ReLU, the `maps` after it and the `pooled` maxima; the `hiddenSums` (U,), the `hidden` units after ReLU; the `logits`.
   */
  forward(pixels) {
    const { scale, offset, channels, weights } = this, blocks = [];
    const input = Float32Array.from(pixels, (pixel, i) => pixel * scale[i % channels] + offset[i % channels]);
    let values = input;
    for (const block of this.blocks) {
      const sums = convolve(values, block), maps = relu(sums), pooled = pool(maps, block);
      blocks.push({ sums, maps, pooled });
      values = pooled;
    }
    const hiddenSums = dense(values, weights.w1, weights.b1), hidden = relu(hiddenSums);
    return { input, blocks, hiddenSums, hidden, logits: dense(hidden, weights.w2, weights.b2) };
  }

  mirror(pixels) {
    const { width, channels } = this;
    return pixels.map((_, i) => {
      const channel = i % channels, place = (i - channel) / channels, column = place % width;
      return pixels[(place - column + width - 1 - column) * channels + channel];
    });
  }
}
