// Subtitles that are pictures, as Blu-ray discs have them (PGS), made by hand: a white bar from one
// moment to another.

const clock = 90_000;

function segment(type, at, body) {
  const head = Buffer.alloc(13);
  head.write('PG', 0, 'latin1');
  head.writeUInt32BE(Math.round(at * clock), 2);
  head[10] = type;
  head.writeUInt16BE(body.length, 11);
  return Buffer.concat([head, body]);
}

const u16 = (value) => [value >> 8, value & 255];
const u24 = (value) => [value >> 16, ...u16(value & 0xffff)];

/// The bytes of a .sup file. `bars`: [{start, end}] in seconds.
export function make_pgs(bars, width = 640, height = 360) {
  const [bar_width, bar_height] = [64, 8];
  // A run of 64 of colour 1, then the end of the line.
  const line = [0x00, 0xc0, bar_width, 0x01, 0x00, 0x00];
  const pixels = Array.from({ length: bar_height }, () => line).flat();
  const composition = (number, state, objects) => Buffer.from([
    ...u16(width), ...u16(height), 0x10, ...u16(number), state, 0, 0, objects.length,
    ...objects.flatMap(({ x, y }) => [...u16(0), 0, 0, ...u16(x), ...u16(y)])]);
  const place = { x: 100, y: 300 };
  const window = Buffer.from([1, 0, ...u16(place.x), ...u16(place.y), ...u16(bar_width),
                              ...u16(bar_height)]);
  const palette = Buffer.from([0, 0, 1, 235, 128, 128, 255]);
  const object = Buffer.from([...u16(0), 0, 0xc0, ...u24(pixels.length + 4), ...u16(bar_width),
                              ...u16(bar_height), ...pixels]);
  const out = [];
  bars.forEach(({ start, end }, i) => {
    out.push(segment(0x16, start, composition(2 * i, 0x80, [place])),
             segment(0x17, start, window), segment(0x14, start, palette),
             segment(0x15, start, object), segment(0x80, start, Buffer.alloc(0)),
             segment(0x16, end, composition(2 * i + 1, 0, [])), segment(0x17, end, window),
             segment(0x80, end, Buffer.alloc(0)));
  });
  return Buffer.concat(out);
}
