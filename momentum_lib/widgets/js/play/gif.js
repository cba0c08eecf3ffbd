// A moving picture (GIF89a, 256 colours, for ever in a loop) from the pixels of its frames. Pure.

/** A colour of fifteen bits. @param {ArrayLike<number>} pixels @param {number} k */
const short = (pixels, k) => ((pixels[k] >> 3) << 10) | ((pixels[k + 1] >> 3) << 5) | (pixels[k + 2] >> 3);

/**
 * The 256 most frequent colours of some frames, and which of them stands for a colour.
 * @param {ArrayLike<number>[]} frames red, green, blue and opacity of each pixel
 */
export function paletteOf(frames) {
  const count = new Uint32Array(1 << 15);
  for (const pixels of frames) for (let k = 0; k < pixels.length; k += 4) count[short(pixels, k)]++;
  const used = Array.from(count.keys()).filter((colour) => count[colour]);
  const chosen = used.sort((a, b) => count[b] - count[a]).slice(0, 256);
  const parts = (/** @type {number} */ colour) => [colour >> 10, (colour >> 5) & 31, colour & 31];
  const kept = new Int16Array(1 << 15).fill(-1);
  chosen.forEach((colour, i) => {
    kept[colour] = i;
  });
  return {
    colours: chosen.map((colour) => parts(colour).map((part) => Math.round((part * 255) / 31))),
    /** @param {ArrayLike<number>} pixels */
    indexed(pixels) {
      const out = new Uint8Array(pixels.length / 4);
      for (let k = 0; k < out.length; k++) {
        const colour = short(pixels, 4 * k);
        if (kept[colour] < 0) kept[colour] = nearest(parts(colour));
        out[k] = kept[colour];
      }
      return out;
    },
  };
  /** @param {number[]} wanted */
  function nearest(wanted) {
    let best = 0,
      least = Infinity;
    chosen.forEach((colour, i) => {
      const gap = parts(colour).reduce((sum, part, c) => sum + (part - wanted[c]) ** 2, 0);
      if (gap < least) [best, least] = [i, gap];
    });
    return best;
  }
}

/** Bytes that grow. */
function bytes() {
  let all = new Uint8Array(1 << 16),
    n = 0;
  return {
    push(/** @type {number[]} */ ...values) {
      if (n + values.length > all.length) {
        const more = new Uint8Array(2 * all.length + values.length);
        more.set(all);
        all = more;
      }
      for (const value of values) all[n++] = value;
    },
    done: () => all.slice(0, n),
  };
}
/** @typedef {ReturnType<typeof bytes>} Bytes */
const words = (/** @type {number} */ value) => [value & 255, value >> 8];

/**
 * @param {number} width
 * @param {number} height
 * @param {number[][]} colours at most 256, red, green and blue
 * @param {Uint8Array[]} frames the colour of each pixel, row by row
 * @param {number} [hundredths] of a second a frame; the last stands fifteen times as long
 */
export function gif(width, height, colours, frames, hundredths = 6) {
  const out = bytes();
  out.push(...[..."GIF89a"].map((c) => c.charCodeAt(0)), ...words(width), ...words(height), 0xf7, 0, 0);
  for (let i = 0; i < 256; i++) out.push(...(colours[i] ?? [0, 0, 0]));
  out.push(0x21, 0xff, 11, ...[..."NETSCAPE2.0"].map((c) => c.charCodeAt(0)), 3, 1, 0, 0, 0);
  frames.forEach((frame, k) => {
    const long = k === frames.length - 1 ? 15 : 1;
    out.push(0x21, 0xf9, 4, 4, ...words(long * hundredths), 0, 0);
    out.push(0x2c, 0, 0, 0, 0, ...words(width), ...words(height), 0, 8);
    compress(frame, out);
  });
  out.push(0x3b);
  return out.done();
}

/** Lempel, Ziv and Welch's codes of 9 to 12 bits, in blocks of at most 255 bytes. @param {Uint8Array} frame @param {Bytes} out */
function compress(frame, out) {
  const CLEAR = 256,
    END = 257,
    known = new Int16Array(4096 * 256);
  let size = 9,
    next = END + 1,
    buffer = 0,
    bits = 0,
    /** @type {number[]} */ block = [];
  const flush = () => {
    if (block.length) out.push(block.length, ...block);
    block = [];
  };
  const emit = (/** @type {number} */ code) => {
    buffer |= code << bits;
    bits += size;
    while (bits >= 8) {
      block.push(buffer & 255);
      buffer >>>= 8;
      bits -= 8;
      if (block.length === 255) flush();
    }
  };
  emit(CLEAR);
  let now = frame[0];
  for (let k = 1; k < frame.length; k++) {
    const at = now * 256 + frame[k];
    if (known[at]) {
      now = known[at];
      continue;
    }
    emit(now);
    if (next === 4096) {
      emit(CLEAR);
      known.fill(0);
      size = 9;
      next = END + 1;
    } else {
      if (next === 1 << size) size += 1;
      known[at] = next++;
    }
    now = frame[k];
  }
  emit(now);
  emit(END);
  if (bits > 0) block.push(buffer & 255);
  flush();
  out.push(0);
}
