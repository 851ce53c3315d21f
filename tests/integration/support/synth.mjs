// Makes a clip with known facts in plain JavaScript: an AVI of PNG pictures and 16-bit PCM sound.
// It needs nothing, so these tests never lack a clip.
import zlib from 'node:zlib';

function chunk_of_png(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

const crc_table = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
export function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = crc_table[(c ^ byte) & 0xff] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/// A gradient that wanders, a bar that walks, and grain in one corner, so that every frame costs
/// an encoder something.
function picture(width, height, frame, grain) {
  const stride = 1 + width * 3;
  const raw = Buffer.alloc(stride * height);
  const bar = (frame * 4) % width;
  let noise = (frame + 1) * 2654435761;
  const grainy = { width: width >> 2, height: grain ? height >> 2 : 0 };
  for (let y = 0; y < height; y++) {
    let at = y * stride + 1;
    for (let x = 0; x < width; x++) {
      let speck = 0;
      if (y < grainy.height && x < grainy.width) {
        noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
        speck = (noise >>> 24) % grain;
      }
      const on_bar = x >= bar && x < bar + 12;
      raw[at++] = on_bar ? 250 : (x + frame * 2 + speck) & 0xff;
      raw[at++] = on_bar ? 250 : (y + frame + speck) & 0xff;
      raw[at++] = on_bar ? 20 : ((x + y) / 2 + speck) & 0xff;
    }
    // PNG's filter "sub": differences of neighbours, of which a gradient has few.
    const line = y * stride;
    for (let i = stride - 1; i > 3; i--) raw[line + i] -= raw[line + i - 3];
    raw[line] = 1;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk_of_png('IHDR', header),
    chunk_of_png('IDAT', zlib.deflateSync(raw, { level: 1 })),
    chunk_of_png('IEND', Buffer.alloc(0)),
  ]);
}

function riff(type, ...parts) {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.write(type, 0, 'latin1');
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length & 1)]);
}
const list = (kind, ...parts) => riff('LIST', Buffer.from(kind, 'latin1'), ...parts);

function words(...values) {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    if (typeof value === 'string') out.write(value, i * 4, 'latin1');
    else out.writeUInt32LE(value >>> 0, i * 4);
  });
  return out;
}

/// `rate` frames a second, whole; `frames` of them; sound is a 440 Hz tone, mono, 48 kHz.
export function make_avi({ width = 320, height = 240, rate = 25, frames = 50, sound = true,
                           grain = 24 } = {}) {
  const sample_rate = 48_000;
  const per_frame = sample_rate / rate;
  const pieces = [];
  const index = [];
  let offset = 4;
  const add = (id, flags, data) => {
    index.push(words(id, flags, offset, data.length));
    const piece = riff(id, data);
    pieces.push(piece);
    offset += piece.length;
  };
  for (let frame = 0; frame < frames; frame++) {
    add('00dc', 0x10, picture(width, height, frame, grain));
    if (!sound) continue;
    const first = Math.round(frame * per_frame);
    const count = Math.round((frame + 1) * per_frame) - first;
    const samples = Buffer.alloc(count * 2);
    for (let i = 0; i < count; i++) {
      const value = Math.sin(((first + i) / sample_rate) * 2 * Math.PI * 440);
      samples.writeInt16LE(Math.round(value * 8000), i * 2);
    }
    add('01wb', 0x10, samples);
  }
  const streams = sound ? 2 : 1;
  const samples = Math.round(frames * per_frame);
  const main = riff('avih', words(Math.round(1e6 / rate), 0, 0, 0x110, frames, 0, streams, 0,
                                  width, height, 0, 0, 0, 0));
  const rect = Buffer.alloc(8);
  rect.writeUInt16LE(width, 4);
  rect.writeUInt16LE(height, 6);
  const video = list('strl',
    riff('strh', words('vids', 'MPNG', 0, 0, 0, 1, rate, 0, frames, 0, 0xffffffff, 0), rect),
    riff('strf', words(40, width, height, 1 | (24 << 16), 'MPNG', width * height * 3, 0, 0, 0,
                       0)));
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(sample_rate, 4);
  format.writeUInt32LE(sample_rate * 2, 8);
  format.writeUInt16LE(2, 12);
  format.writeUInt16LE(16, 14);
  const audio = list('strl',
    riff('strh', words('auds', 0, 0, 0, 0, 1, sample_rate, 0, samples, 0, 0xffffffff, 2),
         Buffer.alloc(8)),
    riff('strf', format));
  const header = list('hdrl', main, video, ...(sound ? [audio] : []));
  return riff('RIFF', Buffer.from('AVI ', 'latin1'), header, list('movi', ...pieces),
              riff('idx1', ...index));
}
