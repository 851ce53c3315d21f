// Files that are made to do harm: each ends with a clear error or the right result, in bounded time,
// memory and disk, and reaches nothing. They are written here, byte by byte.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { boxes, short_clip } from './support/media.mjs';
import { Receiver } from './support/receiver.mjs';
import { Server } from './support/server.mjs';
import { check, remove_folder, temp_folder } from './support/suite.mjs';
import { crc32 } from './support/synth.mjs';
import { load } from './support/transcodes.mjs';

const secret = 'the-content-of-a-file-that-nobody-may-read';
const guard = { timeout: 120_000 };
const outputs = [
  { name: 'small', type: 'video', video: { short_side: 120, preset: 'ultrafast' } },
  { name: 'copied', type: 'video', container: 'mkv', video: { codec: 'copy' },
    audio: { codec: 'copy' } },
  { name: 'still', type: 'cover', height: 64 },
];
let server;
let canary;
let folder;
let mp4; // two seconds, whole: what most files here are made from

before(async () => {
  folder = temp_folder('hostile');
  fs.writeFileSync(path.join(folder, 'secret.txt'), secret);
  canary = await Receiver.start();
  server = await Server.start({
    flags: ['--worker-stall', '20s', '--worker-wall', '60s', '--worker-memory', '1GB',
            '--worker-max-output', '256MB', '--network-allow-addresses', `127.0.0.2:${canary.port}`],
  });
  const { input } = await server.client.upload(short_clip().bytes, 'clip.avi');
  const task = await server.client.done({ input, outputs: [
    { name: 'v', type: 'video', video: { preset: 'ultrafast', gop: 1 } }] });
  mp4 = index_last((await load(task.outputs[0].url)).body);
}, { timeout: 120_000 });
after(async () => {
  await Promise.all([server?.close(), canary?.close()]);
  if (folder) remove_folder(folder);
}, { timeout: 120_000 });

/// Bytes below the server's data directory.
function bytes_on_disk(where = server.data) {
  let sum = 0;
  for (const entry of fs.readdirSync(where, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) sum += fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size;
  }
  return sum;
}

/// The ended task of a file; whatever it made is small and says nothing it should not.
async function task_of(bytes, name, wanted = outputs, extra = {}) {
  const { input } = await server.client.upload(bytes, name);
  const before_it = bytes_on_disk();
  const answer = await server.client.raw('POST', '/api/v1/tasks', {
    body: { input, outputs: wanted, max_attempts: 1, ...extra } });
  assert.equal(answer.status, 202, answer.text);
  const task = await server.client.finished(answer.json().id);
  assert.ok(!JSON.stringify(task).includes(secret), 'nothing was read');
  for (const output of task.outputs) {
    for (const file of output.files) {
      const { body } = await load(file.url);
      assert.ok(!body.includes(secret), `${file.name} holds nothing it should not`);
    }
  }
  assert.ok(bytes_on_disk() - before_it < 64 << 20, 'little was written');
  return task;
}

const clear = ['not_media', 'unsupported', 'decode_failed', 'resource_limit', 'input_too_large'];
/// That each output was made, or that it and the task name a reason that lies with the file.
async function assert_harmless(bytes, name, wanted, extra) {
  const task = await task_of(bytes, name, wanted, extra);
  for (const problem of [task.error, ...task.outputs.map((o) => o.error)].filter(Boolean)) {
    assert.ok(clear.includes(problem.code), `${name}: ${problem.code}: ${problem.message}`);
    assert.ok(problem.message.length > 10 && problem.message.length < 600, problem.message);
  }
  await assert_lives();
  return task;
}
async function assert_refused(bytes, name, codes, words) {
  const task = await assert_harmless(bytes, name);
  assert.equal(task.state, 'failed', `${name} became ${task.state}`);
  const error = task.error ?? task.outputs[0].error;
  assert.ok(codes.includes(error.code), `${name}: ${error.code}: ${error.message}`);
  assert.match(error.message, words, name);
}

/// The server answers and works as before.
async function assert_lives() {
  assert.equal((await server.client.raw('GET', '/healthz')).status, 200);
}

// --- boxes ---

function box(type, ...parts) {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}
function numbers(...values) {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => out.writeUInt32BE(value >>> 0, i * 4));
  return out;
}
const holders = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'dinf', 'edts', 'udta'];

/// `bytes` with every box of `type` replaced by what `change` makes of its body.
function with_boxes(bytes, type, change) {
  return Buffer.concat(boxes(bytes).map((found) => {
    const body = bytes.subarray(found.body, found.end);
    if (found.type === type) return box(type, change(Buffer.from(body)));
    if (!holders.includes(found.type)) return bytes.subarray(found.start, found.end);
    return box(found.type, with_boxes(body, type, change));
  }));
}

/// The same with its index behind the data, so that the index can grow.
function index_last(bytes) {
  const all = boxes(bytes);
  const moov = all.find((found) => found.type === 'moov');
  const moved = with_boxes(bytes, 'stco', (body) => {
    for (let at = 8; at < body.length; at += 4) {
      body.writeUInt32BE(body.readUInt32BE(at) - (moov.end - moov.start), at);
    }
    return body;
  });
  const piece = (found) => moved.subarray(found.start, found.end);
  return Buffer.concat([...all.filter((found) => found !== moov).map(piece), piece(moov)]);
}

check('pictures that claim 60000 pixels a side are refused before memory is taken', async () => {
  const sized = with_boxes(mp4, 'stsd', (body) => {
    if (body.toString('latin1', 12, 16) === 'avc1') {
      body.writeUInt16BE(60_000, 40);
      body.writeUInt16BE(60_000, 42);
    }
    return body;
  });
  await assert_harmless(sized, 'sized.mp4');
  const png = (width, height) => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 6, 0, 0, 0], 8);
    const chunk = (type, data) => {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(data.length, 0);
      head.write(type, 4, 'latin1');
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])), 0);
      return Buffer.concat([head, data, sum]);
    };
    return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header),
                          chunk('IDAT', zlib.deflateSync(Buffer.alloc(1 << 20))),
                          chunk('IEND', Buffer.alloc(0))]);
  };
  await assert_refused(png(60_000, 60_000), 'huge.png', clear, /60000x60000|pixel|megapixel|picture/i);
  // A bomb within the bounds of a side: a megabyte that would be half a gigabyte of pixels.
  await assert_harmless(png(16_384, 8_192), 'bomb.png');
  const gif = Buffer.concat([Buffer.from('GIF89a', 'latin1'), Buffer.from([0x60, 0xea, 0x60, 0xea, 0xf0, 0, 0]),
                             Buffer.from([0, 0, 0, 255, 255, 255]),
                             Buffer.from([0x2c, 0, 0, 0, 0, 0x60, 0xea, 0x60, 0xea, 0, 2, 2, 0x4c, 1, 0, 0x3b])]);
  await assert_refused(gif, 'huge.gif', clear, /./);
  const jpeg = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc00011080ea60ea6030122000211010311' +
                           '01ffda000c03010002110311003f00ffd9', 'hex');
  jpeg.writeUInt16BE(60_000, 25);
  jpeg.writeUInt16BE(60_000, 27);
  await assert_refused(jpeg, 'huge.jpg', clear, /./);
  const avi = Buffer.from(short_clip().bytes);
  const format = avi.indexOf('strf', 0, 'latin1') + 8;
  avi.writeUInt32LE(60_000, format + 4);
  avi.writeUInt32LE(60_000, format + 8);
  await assert_refused(avi, 'sized.avi', ['resource_limit'], /60000x60000/);
}, guard);

check('a thousand streams are refused by their number', async () => {
  const many = Buffer.concat(boxes(mp4).map((found) => {
    const whole = mp4.subarray(found.start, found.end);
    if (found.type !== 'moov') return whole;
    const body = mp4.subarray(found.body, found.end);
    const inner = boxes(body).map((b) => ({ ...b, bytes: body.subarray(b.start, b.end) }));
    const trak = inner.find((b) => b.type === 'trak').bytes;
    return box('moov', ...inner.filter((b) => b.type !== 'trak').map((b) => b.bytes),
               ...Array(1000).fill(trak));
  }));
  await assert_refused(many, 'many.mp4', ['resource_limit', 'not_media'], /stream/i);
}, guard);

check('sample tables that claim 2^32 entries end at what is there', async () => {
  const claim = (at) => (body) => {
    body.writeUInt32BE(0xffffffff, at);
    return body;
  };
  const tables = { stsz: 8, stts: 4, stco: 4, stsc: 4, ctts: 4, stss: 4, elst: 4, dref: 4, stsd: 4 };
  for (const [type, at] of Object.entries(tables)) {
    await assert_harmless(with_boxes(mp4, type, claim(at)), `${type}.mp4`);
  }
  // One size for 2^32 samples needs no table at all.
  await assert_harmless(with_boxes(mp4, 'stsz', () => numbers(0, 1, 0xffffffff)), 'even.mp4');
  await assert_harmless(with_boxes(mp4, 'stts', (body) => {
    body.writeUInt32BE(1, 4);
    return Buffer.concat([body.subarray(0, 8), numbers(0xffffffff, 1)]);
  }), 'endless.mp4');
}, { timeout: 240_000 });

check('hours between two pictures cost neither hours nor gigabytes', async () => {
  const gap = (delta) => with_boxes(mp4, 'stts', (body) => {
    const step = body.readUInt32BE(12);
    return Buffer.concat([numbers(0, 3), numbers(10, step), numbers(1, delta), numbers(0xffff, step)]);
  });
  const made = [...outputs, { name: 'even', type: 'video', video: { short_side: 64, frame_rate: 60,
                                                                    preset: 'ultrafast' } }];
  await assert_harmless(gap(0x7fffffff), 'gap.mp4', made);
  await assert_harmless(gap(0xffffffff), 'back.mp4', made);
  await assert_harmless(gap(360_000 * 3600), 'hours.mp4', made);
}, { timeout: 240_000 });

check('references to other files and addresses are not followed', async () => {
  const local = path.join(folder, 'secret.txt');
  const url = (text) => (body) => Buffer.concat([
    body.subarray(0, 8), box('url ', numbers(0), Buffer.from(`${text}\0`, 'latin1'))]);
  for (const target of [`file://${local}`, local, `http://127.0.0.2:${canary.port}/a.mp4`]) {
    await assert_harmless(with_boxes(mp4, 'dref', url(target)), 'url.mp4');
  }
  // An alias as QuickTime has it: a volume, a folder, and the path in absolute form.
  const text = Buffer.from(local, 'latin1');
  const alias = Buffer.alloc(150 + 4 + text.length + (text.length & 1) + 4);
  alias.writeUInt16BE(alias.length, 4);
  alias.writeUInt16BE(2, 6);
  alias[10 + 4] = 4;
  alias.write('disk', 11 + 4, 'latin1');
  alias.writeUInt16BE(18, 150);
  alias.writeUInt16BE(text.length, 152);
  text.copy(alias, 154);
  alias.writeUInt16BE(0xffff, alias.length - 4);
  const aliased = with_boxes(mp4, 'dref', (body) => Buffer.concat([
    body.subarray(0, 8), box('alis', numbers(0), alias)]));
  await assert_harmless(aliased, 'alias.mp4');
  const movie = box('moov', box('rmra', box('rmda', box('rdrf', numbers(0),
    Buffer.from('url ', 'latin1'), numbers(local.length + 1), Buffer.from(`${local}\0`, 'latin1')))));
  await assert_refused(movie, 'reference.mov', clear, /./);
  assert.equal(canary.connections, 0, 'nobody called the canary');
}, guard);

check('playlists in playlists, under any disguise, lead nowhere', async () => {
  const local = path.join(folder, 'secret.txt');
  const address = `http://127.0.0.2:${canary.port}`;
  const inner = `#EXTM3U\n#EXTINF:1,\n${local}\n`;
  const texts = {
    'data.m3u8': `#EXTM3U\n#EXTINF:1,\ndata:application/x-mpegurl,${encodeURIComponent(inner)}\n`,
    'subfile.m3u8': `#EXTM3U\n#EXT-X-BYTERANGE:10@0\nsubfile,,start,0,end,0,,:${local}\n`,
    'nested.m3u8': `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${address}/b.m3u8\n`,
    'key.m3u8': `#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="${address}/key"\n#EXTINF:1,\na.ts\n`,
    'list.ffconcat': `ffconcat version 1.0\nfile '${local}'\n`,
  };
  for (const text of Object.values(texts)) {
    // As a file of its own, behind a transport stream's sync byte, and as the data of an MP4.
    await assert_refused(Buffer.from(text), 'list.mp4', ['not_media', 'unsupported'], /./);
    await assert_harmless(Buffer.concat([Buffer.alloc(188, 0x47), Buffer.from(text)]), 'list.ts');
    await assert_harmless(Buffer.concat([mp4.subarray(0, 32), box('mdat', Buffer.from(text))]), 'list.mov');
  }
  assert.equal(canary.connections, 0, 'nobody called the canary');
}, guard);

check('names and metadata that look like paths stay words', async () => {
  const before_it = fs.readdirSync(folder);
  const evil = '../../../../../../tmp/telecine-was-here';
  const named = with_boxes(mp4, 'udta', () => Buffer.concat([
    box('\xa9nam', Buffer.from([0, evil.length, 0, 0]), Buffer.from(evil, 'latin1')),
    box('name', Buffer.from(evil, 'latin1'))]));
  for (const name of [evil, '..', 'a/../../b.mp4', 'x\0y.mp4', '%2e%2e%2f.mp4', ';rm -rf.mp4']) {
    const answer = await server.client.raw('POST', '/api/v1/tasks', { body: {
      input: 'https://example.com/a.mp4', outputs: [{ ...outputs[0], name }] } });
    assert.equal(answer.status, 400, `an output named ${name}`);
  }
  const task = await assert_harmless(named, 'named.mp4');
  assert.equal(task.state, 'succeeded');
  for (const file of task.outputs.flatMap((o) => o.files)) assert.match(file.name, /^[\w.-]+$/);
  assert.ok(!fs.existsSync('/tmp/telecine-was-here'));
  assert.deepEqual(fs.readdirSync(folder), before_it);
}, guard);

check('codecs that are not on the list are named and not decoded', async () => {
  for (const code of ['cvid', 'IV50', 'MSVC', 'SVQ3', 'RPZA', 'tscc', 'ZMBV', 'FPS1']) {
    const avi = Buffer.from(short_clip().bytes);
    avi.write(code, avi.indexOf('vids', 0, 'latin1') + 4, 'latin1');
    avi.write(code, avi.indexOf('strf', 0, 'latin1') + 8 + 16, 'latin1');
    const task = await assert_harmless(avi, `${code}.avi`, [outputs[0], outputs[2]]);
    assert.equal(task.state, 'failed', code);
    assert.match(JSON.stringify(task), /not supported|no video|no picture/i, code);
  }
}, guard);

check('files cut anywhere, and with any byte turned, end in order', async () => {
  let seed = 1;
  const random = (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed % below;
  };
  const quick = [outputs[0]];
  for (let i = 0; i < 12; i++) {
    await assert_harmless(mp4.subarray(0, 1 + random(mp4.length)), 'cut.mp4', quick);
    const turned = Buffer.from(i % 2 ? mp4 : short_clip().bytes);
    for (let k = 0; k < 40; k++) turned[random(i % 4 < 2 ? 4096 : turned.length)] ^= 1 << random(8);
    await assert_harmless(turned, 'turned.mp4', quick, { accept_damaged: i % 3 === 0 });
  }
}, { timeout: 240_000 });

check('after all of this the engine works as before', async () => {
  const { input } = await server.client.upload(short_clip().bytes, 'clip.avi');
  await server.client.done({ input, outputs });
  assert.equal(canary.connections, 0);
}, guard);
