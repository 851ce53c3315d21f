// Subtitles as Blu-ray discs have them (PGS), of plain boxes: what ffmpeg cannot write.

const bytes = (...list) => Buffer.concat(list.map((one) => Buffer.isBuffer(one) ? one : Buffer.from(one)));
const u16 = (value) => [value >> 8 & 0xff, value & 0xff];
const u24 = (value) => [value >> 16 & 0xff, ...u16(value)];
const u32 = (value) => [...u16(value >>> 16), ...u16(value)];

/// Lines of one colour of the palette, run by run.
function box_lines(width, height, colour) {
  const line = [];
  for (let left = width; left > 0; left -= Math.min(left, 16383)) {
    const run = Math.min(left, 16383);
    line.push(0, ...(run < 64 ? [0x80 | run] : [0xc0 | run >> 8, run & 0xff]), colour);
  }
  return Buffer.concat(Array.from({ length: height }, () => Buffer.from([...line, 0, 0])));
}

/// A .sup file. `boxes` are {from, to, x, y, width, height} on a screen of {width, height}, one at a
/// time, in `colour`, the luma and the two differences of BT.709, with an opacity of 0 to 255.
export function pgs_of(screen, boxes, { colour = [180, 128, 128], opacity = 255 } = {}) {
  const parts = [];
  const [luma, blue, red] = colour;
  const segment = (at, type, content) => {
    const time = Math.round(at * 90_000);
    parts.push(bytes('PG', u32(time), u32(0), [type], u16(content.length), content));
  };
  const composition = (at, number, state, objects) => segment(at, 0x16, bytes(
    u16(screen.width), u16(screen.height), [0x10], u16(number), [state, 0, 0, objects.length],
    ...objects));
  boxes.forEach(({ from, to, x, y, width, height }, i) => {
    const window = bytes([1, 0], u16(x), u16(y), u16(width), u16(height));
    const lines = box_lines(width, height, 1);
    composition(from, 2 * i, 0x80, [bytes(u16(0), [0, 0], u16(x), u16(y))]);
    segment(from, 0x17, window);
    segment(from, 0x14, bytes([0, 0, 1, luma, red, blue, opacity]));
    segment(from, 0x15, bytes(u16(0), [0, 0xc0], u24(lines.length + 4), u16(width), u16(height), lines));
    segment(from, 0x80, Buffer.alloc(0));
    composition(to, 2 * i + 1, 0, []);
    segment(to, 0x17, window);
    segment(to, 0x80, Buffer.alloc(0));
  });
  return Buffer.concat(parts);
}
