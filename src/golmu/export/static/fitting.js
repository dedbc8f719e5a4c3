// An image of any size becomes the input of a network as in golmu.data.readers.image_pixels, to the bit: grey or RGB,
// scaled with Pillow's bicubic filter and its aspect ratio kept, and centred on its ground. An image here is
// { pixels, height, width, channels }, its pixels from 0 to 255 by row, column and channel.

const MAX_PIXELS = 2 ** 24; // more than this, and some browsers have no canvas for it
const FAINT_BELOW = 32; // golmu.data.inputs.FAINT_BELOW
const UNITS = 2 ** 22; // Pillow's weights are integers in units of 1 / UNITS

/** Return pixels of a canvas (red, green, blue, opacity) as an image of 1 or 3 channels. */
function imageOfCanvas({ data, height, width }, channels) {
  const pixels = new Uint8ClampedArray(height * width * channels);
  for (let from = 0, at = 0; from < data.length; from += 4, at += channels) {
    const [red, green, blue] = [data[from], data[from + 1], data[from + 2]];
    if (channels === 1) pixels[at] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16; // as Pillow's mode L
    else [pixels[at], pixels[at + 1], pixels[at + 2]] = [red, green, blue];
  }
  return { pixels, height, width, channels };
}

/** Draw something on a canvas of a size, with a colour behind it, and return it as an image. */
export function drawImage(draw, height, width, channels, ground) {
  const canvas = document.createElement("canvas");
  [canvas.height, canvas.width] = [height, width];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  draw(context);
  return imageOfCanvas(context.getImageData(0, 0, width, height), channels);
}

/** Read an image file as an upright image of 1 or 3 channels; what is transparent lies on black, or faint on white. */
export async function readImageFile(file, channels) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const share = Math.min(1, Math.sqrt(MAX_PIXELS / (bitmap.width * bitmap.height)));
  const [height, width] = [bitmap.height, bitmap.width].map((side) => Math.max(1, Math.floor(side * share)));
  const on = (ground, n) => drawImage((context) => context.drawImage(bitmap, 0, 0, width, height), height, width, n, ground);
  const isBright = on("black", 1).pixels.some((pixel) => pixel >= FAINT_BELOW);
  const image = on(isBright ? "black" : "white", channels);
  bitmap.close();
  return image;
}

/** Return Pillow's bicubic kernel at a distance in pixels. */
function bicubic(distance) {
  const x = Math.abs(distance), a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Return for each pixel of a resized row the first old pixel that it takes, and the weights from there on. */
function resamplingWeights(size, newSize) {
  const scale = size / newSize, stretch = Math.max(scale, 1), support = 2 * stretch, shrink = 1 / stretch;
  return Array.from({ length: newSize }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), size);
    const weights = Array.from({ length: end - first }, (_, x) => bicubic((x + first - center + 0.5) * shrink));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => Math.trunc((weight / total) * UNITS + (weight < 0 ? -0.5 : 0.5))) };
  });
}

/** Resize the middle axis of pixels (outer, size, inner), rounding to bytes as Pillow does after each axis. */
function resample(pixels, outer, size, inner, newSize) {
  if (size === newSize) return pixels;
  const resized = new Uint8ClampedArray(outer * newSize * inner), plan = resamplingWeights(size, newSize);
  for (let o = 0, at = 0; o < outer; o++) {
    for (const { first, weights } of plan) {
      for (let i = 0; i < inner; i++, at++) {
        let sum = UNITS / 2, from = (o * size + first) * inner + i;
        for (let k = 0; k < weights.length; k++, from += inner) sum += pixels[from] * weights[k];
        resized[at] = sum >> 22;
      }
    }
  }
  return resized;
}

/** Resize an image as Pillow does; since its version 13, the columns first where they lose far more than the rows. */
function resize({ pixels, height, width, channels }, newHeight, newWidth) {
  const isTall = height > newHeight && height - newHeight > 2 * (width - newWidth);
  const columnsFirst = () => resample(resample(pixels, 1, height, width * channels, newHeight), newHeight, width, channels, newWidth);
  const rowsFirst = () => resample(resample(pixels, height, width, channels, newWidth), 1, height, newWidth * channels, newHeight);
  return { pixels: isTall ? columnsFirst() : rowsFirst(), height: newHeight, width: newWidth, channels };
}

/** Round as Python does: halves to the even neighbour. */
function roundHalfToEven(value) {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

/** Return the sorted pixels along the border of an image, for each channel. */
function borderOf({ pixels, height, width, channels }) {
  const places = [];
  for (const y of [0, height - 1]) for (let x = 0; x < width; x++) places.push(y * width + x);
  for (const x of [0, width - 1]) for (let y = 1; y < height - 1; y++) places.push(y * width + x);
  return Array.from({ length: channels }, (_, c) => places.map((p) => pixels[p * channels + c]).sort((a, b) => a - b));
}

/** Scale an image to fit with its aspect ratio kept, and centre it on its ground. */
export function fitImage(image, height, width) {
  const { channels } = image, scale = Math.min(width / image.width, height / image.height);
  const [inner, across] = [image.height, image.width].map((side) => Math.max(1, roundHalfToEven(side * scale)));
  const scaled = resize(image, inner, across);
  const ground = borderOf(scaled).map((border) => border[(border.length - 1) >> 1]);
  const pixels = Uint8ClampedArray.from({ length: height * width * channels }, (_, i) => ground[i % channels]);
  const top = roundHalfToEven((height - inner) / 2), left = roundHalfToEven((width - across) / 2), row = across * channels;
  for (let y = 0; y < inner; y++) {
    pixels.set(scaled.pixels.subarray(y * row, (y + 1) * row), ((top + y) * width + left) * channels);
  }
  return { pixels, height, width, channels };
}

/** Whether the ground of a grey image is not the one that is expected, "dark" or "light". */
export function isOpposite(image, ground) {
  if (image.channels !== 1 || !ground) return false;
  const [border] = borderOf(image), middle = border.length >> 1;
  const median = border.length % 2 ? border[middle] : (border[middle - 1] + border[middle]) / 2;
  return median > 127.5 !== (ground === "light");
}

/** Fit an image to a network, inverted where `inversion` asks for it: "yes", "no" or "auto". */
export function fitAndInvert(image, { height, width, ground, inversion }) {
  const fitted = fitImage(image, height, width);
  const isInverted = inversion === "yes" || (inversion === "auto" && isOpposite(fitted, ground));
  if (!isInverted) return { fitted, isInverted };
  const inverted = { ...image, pixels: image.pixels.map((pixel) => 255 - pixel) };
  return { fitted: fitImage(inverted, height, width), isInverted };
}
