// Clips to work on, and independent looks at what came of them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { repository } from './server.mjs';
import { temp_folder } from './suite.mjs';
import { make_avi } from './synth.mjs';

const shared = path.resolve(repository, process.env.TELECINE_TEST_MEDIA || '../shared/media');
export const has_shared_clips = fs.existsSync(path.join(shared, 'bbb-1080p24.mp4'));
/// Why a check that needs the shared clips cannot run, or null.
export const lacks_clips = has_shared_clips ? null : `there are no clips in ${shared}`;

/// Path of a shared clip; only behind `lacks_clips`.
export function clip(name) {
  const file = path.join(shared, name);
  assert.ok(fs.existsSync(file), `${file} is missing`);
  return file;
}

let folder = null;
const made = new Map();
/// A synthesised clip: {path, bytes, width, height, rate, frames, seconds, sound}.
export function synthesised(options = {}) {
  const facts = { width: 320, height: 240, rate: 25, frames: 50, sound: true, ...options };
  const name = JSON.stringify(facts);
  if (!made.has(name)) {
    folder ??= temp_folder('clips');
    const file = path.join(folder, `clip-${made.size}.avi`);
    const bytes = make_avi(facts);
    fs.writeFileSync(file, bytes);
    made.set(name, { ...facts, path: file, bytes, seconds: facts.frames / facts.rate });
  }
  return made.get(name);
}

/// Two seconds, small, with sound: for checks that are not about media.
export const short_clip = () => synthesised();

/// Outputs that a small clip turns into in a moment.
export const quick_outputs = [
  { name: 'small', type: 'video', video: { short_side: 120, preset: 'ultrafast' } },
];

/// A clip and outputs that keep two cores busy for a good while.
export function long_work() {
  const source = has_shared_clips
    ? { path: clip('bbb-1080p24.mp4'), frames: 288 }
    : synthesised({ width: 1280, height: 720, rate: 24, frames: 120 });
  return {
    source,
    outputs: [{ name: 'slow', type: 'video', video: { preset: 'veryslow', crf: 18 } }],
  };
}

// --- the tools ---

function tool(name) {
  const found = spawnSync(name, ['-version'], { stdio: 'ignore' });
  return found.error ? `there is no ${name} (Debian package ffmpeg)` : null;
}
/// Why outputs cannot be looked at with ffprobe and ffmpeg, or null.
export const lacks_tools = tool('ffprobe') ?? tool('ffmpeg');
if (lacks_tools) console.log(`SKIPPED: independent looks at outputs: ${lacks_tools}`);

function capture(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const out = [];
    let errors = '';
    child.stdout.on('data', (bytes) => out.push(bytes));
    child.stderr.on('data', (text) => (errors += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out: Buffer.concat(out), errors }));
  });
}

/// ffprobe's view: {format, streams, video, audio}. `count` decodes and counts frames.
export async function ffprobe(file, { count = false } = {}) {
  const args = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams'];
  if (count) args.push('-count_frames');
  const { code, out, errors } = await capture('ffprobe', [...args, file]);
  assert.equal(code, 0, `ffprobe ${file}: ${errors}`);
  const facts = JSON.parse(out);
  facts.video = facts.streams.find((s) => s.codec_type === 'video') ?? null;
  facts.audio = facts.streams.find((s) => s.codec_type === 'audio') ?? null;
  return facts;
}

/// Packets of a stream ("v:0"), in order of presentation: [{pts, key}].
export async function packets_of(file, stream) {
  const args = ['-v', 'error', '-of', 'json', '-select_streams', stream, '-show_packets',
                '-show_entries', 'packet=pts_time,flags,pos,size', file];
  const { code, out, errors } = await capture('ffprobe', args);
  assert.equal(code, 0, `ffprobe ${file}: ${errors}`);
  return JSON.parse(out)
    .packets.map((p) => ({ pts: Number(p.pts_time), key: p.flags.startsWith('K'),
                           at: Number(p.pos), size: Number(p.size) }))
    .sort((a, b) => a.pts - b.pts);
}

/// Decodes everything; any complaint is a failure.
export async function assert_decodes(file) {
  if (lacks_tools) return;
  // Timestamps pass as they are: on the grid of a guessed frame rate two may fall on one place.
  const { code, errors } = await capture('ffmpeg', ['-v', 'error', '-xerror', '-i', file,
    '-fps_mode', 'passthrough', '-enc_time_base', '-1', '-f', 'null', '-']);
  assert.equal(errors.trim(), '', `decoding ${file}`);
  assert.equal(code, 0, `decoding ${file}`);
}

/// The digest of a stream's packets ("v:0"), as they are.
export async function stream_md5(file, stream) {
  const { code, out, errors } = await capture('ffmpeg', ['-v', 'error', '-i', file, '-map',
    `0:${stream}`, '-c', 'copy', '-f', 'md5', '-']);
  assert.equal(code, 0, `${file}: ${errors}`);
  return out.toString().trim();
}

/// A digest of each picture, in the order of showing.
export async function picture_digests(file) {
  const { code, out, errors } = await capture('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:v:0',
    '-fps_mode', 'passthrough', '-f', 'framemd5', '-']);
  assert.equal(code, 0, `${file}: ${errors}`);
  return out.toString().split('\n').filter((row) => row && !row.startsWith('#'))
    .map((row) => row.split(',')[5].trim());
}

/// When pictures are shown, in that order, and decoded, in the file's: {shown, decoded}, s.
export async function timing_of(file) {
  const { code, out, errors } = await capture('ffprobe', ['-v', 'error', '-of', 'json',
    '-select_streams', 'v:0', '-show_entries', 'packet=pts_time,dts_time', file]);
  assert.equal(code, 0, `ffprobe ${file}: ${errors}`);
  const { packets } = JSON.parse(out);
  return {
    shown: packets.map((p) => Number(p.pts_time)).sort((a, b) => a - b),
    decoded: packets.filter((p) => p.dts_time).map((p) => Number(p.dts_time)),
  };
}

/// A picture as RGB24 bytes: the one shown at `at` seconds, cropped or scaled as filters say it.
export async function picture_of(file, { at = 0, crop, scale }) {
  const filters = [crop && `crop=${crop}`, scale && `scale=${scale}`].filter(Boolean).join(',');
  const seek = at > 0 ? ['-ss', String(at)] : [];  // stills cannot be sought in
  const { code, out, errors } = await capture('ffmpeg', ['-v', 'error', ...seek, '-i', file,
    '-frames:v', '1', '-vf', filters, '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']);
  assert.equal(code, 0, `${file}: ${errors}`);
  return out;
}

const forged_clips = new Map();
/// A clip that ffmpeg makes, each once: its arguments but for the output, whose name ends in `kind`.
export async function forged(args, kind = 'mkv') {
  const key = [...args, kind].join(' ');
  if (!forged_clips.has(key)) {
    folder ??= temp_folder('clips');
    const file = path.join(folder, `forged-${forged_clips.size}.${kind}`);
    forged_clips.set(key, capture('ffmpeg', ['-v', 'error', ...args, file]).then((made) => {
      assert.equal(made.code, 0, `${key}: ${made.errors}`);
      return file;
    }));
  }
  return forged_clips.get(key);
}

/// The mean colour [red, green, blue] of a square around a point, at a time.
export async function colour_at(file, x, y, { at = 0, side = 8 } = {}) {
  const crop = `${side}:${side}:${Math.round(x - side / 2)}:${Math.round(y - side / 2)}`;
  const bytes = await picture_of(file, { at, crop });
  return [0, 1, 2].map((c) => {
    let sum = 0;
    for (let i = c; i < bytes.length; i += 3) sum += bytes[i];
    return sum / (bytes.length / 3);
  });
}

/// What a filter of ffmpeg writes about a file while it passes.
export async function told_by(file, filters, kind = '-vf') {
  const { code, errors } = await capture('ffmpeg', ['-nostats', '-v', 'info', '-i', file, kind,
                                                    filters, '-f', 'null', '-']);
  assert.equal(code, 0, errors);
  return errors;
}

/// How alike two videos look, frame by frame, 0…1 (SSIM); the source is scaled to the output and
/// shown upright, as a player would. `part`: {start, end, rate} of the source that is meant.
export async function likeness(output, source, width, height, part = null) {
  const cut = part ? `trim=${part.start}:${part.end},setpts=PTS-STARTPTS,fps=${part.rate},` : '';
  const graph = `[1:v]${cut}scale=${width}:${height}:flags=bicubic,setsar=1,` +
                'setpts=PTS-STARTPTS[a];' +
                '[0:v]setsar=1,setpts=PTS-STARTPTS[b];[b][a]ssim';
  const { code, errors } = await capture('ffmpeg', ['-v', 'info', '-i', output, '-i', source,
                                                    '-lavfi', graph, '-f', 'null', '-']);
  assert.equal(code, 0, errors);
  return Number(/All:([\d.]+)/.exec(errors)[1]);
}

/// How alike the pictures of two videos of one size are, one by one whatever their times, or
/// backwards from their ends: SSIM, 0…1.
export async function likenesses(one, other, { backwards = false } = {}) {
  const each = `${backwards ? 'reverse,' : ''}settb=1/25,setpts=N,setsar=1`;
  const graph = `[0:v]${each}[a];[1:v]${each}[b];[a][b]ssim=stats_file=-`;
  const { code, out, errors } = await capture('ffmpeg', ['-v', 'error', '-i', one, '-i', other,
                                                         '-lavfi', graph, '-f', 'null', '-']);
  assert.equal(code, 0, errors);
  return [...out.toString().matchAll(/All:([\d.]+)/g)].map((found) => Number(found[1]));
}

// --- MP4 by hand ---

/// The boxes of one level: [{type, start, end, body}].
export function boxes(bytes, start = 0, end = bytes.length) {
  const found = [];
  let at = start;
  while (at + 8 <= end) {
    let size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    let head = 8;
    if (size === 1) {
      size = Number(bytes.readBigUInt64BE(at + 8));
      head = 16;
    }
    if (size === 0) size = end - at;
    assert.ok(size >= head && at + size <= end, `a broken box ${type} at ${at}`);
    found.push({ type, start: at, end: at + size, body: at + head });
    at += size;
  }
  assert.equal(at, end, 'bytes after the last box');
  return found;
}

function box_at(bytes, trail, start = 0, end = bytes.length) {
  let level = { body: start, end };
  for (const type of trail) {
    level = boxes(bytes, level.body, level.end).find((box) => box.type === type);
    if (!level) return null;
  }
  return level;
}

/// Samples in each track of a whole (not fragmented) MP4, by handler: {vide: 288, soun: 563}.
export function mp4_samples(bytes) {
  const moov = box_at(bytes, ['moov']);
  assert.ok(moov, 'an MP4 has a moov');
  const counts = {};
  for (const trak of boxes(bytes, moov.body, moov.end).filter((box) => box.type === 'trak')) {
    const hdlr = box_at(bytes, ['mdia', 'hdlr'], trak.body, trak.end);
    const stsz = box_at(bytes, ['mdia', 'minf', 'stbl', 'stsz'], trak.body, trak.end);
    const handler = bytes.toString('latin1', hdlr.body + 8, hdlr.body + 12);
    counts[handler] = bytes.readUInt32BE(stsz.body + 8);
  }
  return counts;
}

/// A player can begin before the last byte is there: the index stands before the data.
export function assert_faststart(bytes) {
  const order = boxes(bytes).map((box) => box.type);
  assert.equal(order[0], 'ftyp');
  assert.ok(order.includes('moov') && order.includes('mdat'), order.join(' '));
  assert.ok(order.indexOf('moov') < order.indexOf('mdat'), `moov comes late: ${order.join(' ')}`);
}

export const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');

/// The picture size of a JPEG, by its markers.
export function jpeg_size(bytes) {
  assert.deepEqual([bytes[0], bytes[1]], [0xff, 0xd8], 'a JPEG begins with SOI');
  let at = 2;
  while (at < bytes.length) {
    assert.equal(bytes[at], 0xff, 'a JPEG marker');
    const marker = bytes[at + 1];
    const length = bytes.readUInt16BE(at + 2);
    const is_frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (is_frame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + length;
  }
  throw new Error('a JPEG without a frame');
}
