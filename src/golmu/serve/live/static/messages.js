// Messages of the server: the length of a JSON text, the text, and arrays (golmu.serve.live.frames).

const KINDS = { float32: Float32Array, float16: Uint16Array, uint8: Uint8Array, int32: Int32Array };

/** Return a message with each of its arrays as { values, shape }. */
export function decodeMessage(buffer) {
  const length = new DataView(buffer).getUint32(0, true), start = 4 + length;
  const message = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = Object.entries(message.arrays ?? {}).map(([name, { dtype, shape, offset }]) => {
    const size = shape.reduce((product, side) => product * side, 1);
    return [name, { values: new KINDS[dtype](buffer, start + offset, size), shape }];
  });
  return { ...message, arrays: Object.fromEntries(arrays) };
}
