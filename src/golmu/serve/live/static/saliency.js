// Which pixels an answer hangs on: the gradient of a logit with respect to the image, computed backward through the
// network by hand. It touches no page.

import { POOL, WINDOW } from "./trace.js";

/** Return the gradient (h', w', K) with respect to the last pooled maps. */
function throughDense(network, forward, category) {
  const { w1, w2 } = network.weights,
    { hiddenSums } = forward,
    n = hiddenSums.length,
    classes = forward.logits.length;
  const units = hiddenSums.map((sum, unit) => (sum > 0 ? w2[unit * classes + category] : 0));
  return Float64Array.from({ length: w1.length / n }, (_, i) => {
    let slope = 0;
    for (let unit = 0, w = i * n; unit < n; unit++, w++) slope += w1[w] * units[unit];
    return slope;
  });
}

/** Return the gradient (h, w, K) with respect to a block's sums: that of a maximum at its place, if ReLU let it pass. */
function throughPooling(slopes, { height, width, kernels }, { sums, maps }) {
  const passed = new Float64Array(sums.length),
    columns = width >> 1;
  for (let y = 0, at = 0; y < height >> 1; y++) {
    for (let x = 0; x < columns; x++) {
      for (let k = 0; k < kernels; k++, at++) {
        let largest = (POOL * y * width + POOL * x) * kernels + k;
        for (const place of [largest + kernels, largest + width * kernels, largest + (width + 1) * kernels]) {
          if (maps[place] > maps[largest]) largest = place;
        }
        if (sums[largest] > 0) passed[largest] = slopes[at];
      }
    }
  }
  return passed;
}

/** Return the gradient (h, w, c) with respect to what a convolution reads. */
function throughConvolution(slopes, { height, width, channels, kernels, weights }) {
  const passed = new Float64Array(height * width * channels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let k = 0; k < kernels; k++, at++) {
        const slope = slopes[at];
        if (slope === 0) continue;
        for (let i = Math.max(0, 1 - y); i < Math.min(WINDOW, height + 1 - y); i++) {
          for (let j = Math.max(0, 1 - x); j < Math.min(WINDOW, width + 1 - x); j++) {
            const to = ((y + i - 1) * width + x + j - 1) * channels,
              from = (i * WINDOW + j) * channels;
            for (let c = 0; c < channels; c++) passed[to + c] += slope * weights[(from + c) * kernels + k];
          }
        }
      }
    }
  }
  return passed;
}

/** Return the gradient (h, w, c) of the logit of a class with respect to pixels that are brought to [0, 1]. */
export function logitGradient(network, pixels, category) {
  const one = (image) => {
    const forward = network.forward(image);
    let slopes = throughDense(network, forward, category);
    for (let number = network.blocks.length - 1; number >= 0; number--) {
      slopes = throughConvolution(
        throughPooling(slopes, network.blocks[number], forward.blocks[number]),
        network.blocks[number],
      );
    }
    return slopes.map((slope, i) => slope * 255 * network.scale[i % network.channels]);
  };
  if (!network.isMirrored) return one(pixels);
  const own = one(pixels),
    other = network.mirror(one(network.mirror(pixels)));
  return own.map((slope, i) => (slope + other[i]) / 2);
}

/** Return the saliency (h, w) of a class: the largest magnitude of the gradient over the channels. */
export function saliency(network, pixels, category) {
  const gradient = logitGradient(network, pixels, category),
    { channels } = network;
  return Float64Array.from({ length: gradient.length / channels }, (_, place) => {
    let largest = 0;
    for (let c = 0; c < channels; c++) largest = Math.max(largest, Math.abs(gradient[place * channels + c]));
    return largest;
  });
}
