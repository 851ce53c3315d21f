// Transport streams put together packet by packet.
import fs from 'node:fs';

const packet_size = 188;

/// CRC of sections, ISO/IEC 13818-1 annex A.
function section_crc(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; ++bit) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/// The packet that says under which PID each program's map is.
function association(maps, count) {
  const section = Buffer.alloc(8 + 4 * maps.length + 4);
  section.writeUInt8(0, 0);
  section.writeUInt16BE(0xb000 | (section.length - 3), 1);
  section.writeUInt16BE(1, 3);
  section.writeUInt8(0xc1, 5);
  maps.forEach((pid, i) => {
    section.writeUInt16BE(i + 1, 8 + 4 * i);
    section.writeUInt16BE(0xe000 | pid, 10 + 4 * i);
  });
  section.writeUInt32BE(section_crc(section.subarray(0, -4)), section.length - 4);
  const packet = Buffer.alloc(packet_size, 0xff);
  packet.set([0x47, 0x40, 0x00, 0x10 | count % 16, 0]);
  section.copy(packet, 5);
  return packet;
}

/// One transport stream with the programs of several, which have other PIDs each: `maps` are those
/// of their maps.
export function with_programs(file, sources, maps) {
  const programs = sources.map((source) => {
    const bytes = fs.readFileSync(source);
    const packets = [];
    for (let at = 0; at < bytes.length; at += packet_size) {
      const packet = bytes.subarray(at, at + packet_size);
      if ((packet.readUInt16BE(1) & 0x1fff) !== 0) packets.push(packet);
    }
    return packets;
  });
  const longest = Math.max(...programs.map((packets) => packets.length));
  const out = [];
  for (let i = 0, count = 0; i < longest; ++i) {
    if (i % 40 === 0) out.push(association(maps, count++));
    for (const packets of programs) {
      const from = Math.floor((i * packets.length) / longest);
      const to = Math.floor(((i + 1) * packets.length) / longest);
      out.push(...packets.slice(from, to));
    }
  }
  fs.writeFileSync(file, Buffer.concat(out));
  return file;
}
