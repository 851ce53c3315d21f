// Parts of sources that are copied as far as they can be, and sources joined to one, looked at with
// tools that are not ours.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {
  assert_decodes, boxes, colour_at, ffprobe, lacks_tools, picture_digests, timing_of,
} from './support/media.mjs';
import { check_if, until } from './support/suite.mjs';
import { Server } from './support/server.mjs';
import { MediaSource } from './support/source.mjs';
import { Transcodes, load, near } from './support/transcodes.mjs';

const long = { timeout: 300_000 };
const made = Transcodes.for_all_checks();

const rate = 25;
const frame = 1 / rate;

/// A clip by ffmpeg, once: a moving test picture and a tone that beeps each second.
const clips = new Map();
function synthesise(name, options, { seconds = 8, size = '256x144', sound = true, from = [] } = {}) {
  if (clips.has(name)) return clips.get(name);
  const file = path.join(made.folder, name);
  const tone = `aevalsrc='0.5*sin(880*2*PI*t)*lt(mod(t,1),0.1)':s=48000:d=${seconds}`;
  const inputs = from.length > 0 ? from
    : ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=${rate}:d=${seconds}`,
       ...(sound ? ['-f', 'lavfi', '-i', tone] : [])];
  const ran = spawnSync('ffmpeg', ['-v', 'error', '-y', ...inputs, ...options, file]);
  assert.equal(ran.status, 0, `${name}: ${ran.stderr}`);
  clips.set(name, file);
  return file;
}
const aac = ['-c:a', 'aac', '-b:a', '64k'];
const x264 = (parameters, gop = rate) => [
  '-c:v', 'libx264', '-preset', 'veryfast', '-g', String(gop), '-pix_fmt', 'yuv420p',
  '-x264-params', `scenecut=0${parameters}`, ...aac];
const x265 = (parameters, format = 'yuv420p') => [
  '-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', format, '-tag:v', 'hvc1', '-x265-params',
  `log-level=none:keyint=${rate}:min-keyint=${rate}:scenecut=0:bframes=3${parameters}`, ...aac];

const sources = {
  closed: () => synthesise('closed.mp4', x264(':bframes=3')),
  open: () => synthesise('open.mp4', x264(':bframes=3:open-gop=1')),
  h265: () => synthesise('h265.mp4', x265(':open-gop=0')),
  h265_open: () => synthesise('h265_open.mp4', x265(':open-gop=1')),
  h265_10bit: () => synthesise('h265_10bit.mp4', x265(':open-gop=1', 'yuv420p10le')),
  edited: () => synthesise('edited.mp4', ['-c', 'copy'], { from: ['-ss', '0.6', '-i', sources.closed()] }),
  ts: () => synthesise('closed.ts', ['-c', 'copy'], { from: ['-i', sources.closed()] }),
  mkv: () => synthesise('closed.mkv', ['-c', 'copy'], { from: ['-i', sources.closed()] }),
  ts_h265: () => synthesise('h265_open.ts', ['-c', 'copy'], { from: ['-i', sources.h265_open()] }),
};

const copy = { video: { codec: 'copy' }, audio: { codec: 'copy' } };
async function clip_of(file, output) {
  const task = await made.make(file, [{ name: 'v', type: 'video', ...copy, ...output }]);
  return (await made.file(task.outputs[0])).file;
}

/// That a clip is the source's pictures `from` up to `to`, those in `copied` bit by bit, each at its
/// time.
async function assert_is_part(file, source, { from, to, copied, late = 0, grain = 0.0006 }) {
  await assert_decodes(file);
  const wanted = (await picture_digests(source)).slice(from, to);
  const got = await picture_digests(file);
  assert.equal(got.length, wanted.length, 'pictures');
  const same = got.map((digest, i) => digest === wanted[i]);
  for (let i = copied[0]; i < copied[1]; i++) assert.ok(same[i - from], `picture ${i} is the source's`);
  const { shown, decoded } = await timing_of(file);
  near(shown[0], late, grain, 'first picture');
  for (let i = 1; i < shown.length; i++) {
    near(shown[i] - shown[0], i * frame, frame / 2 + grain, `time of picture ${i}`);
  }
  for (let i = 2; i < shown.length; i++) near(shown[i] - shown[i - 1], frame, grain * 2, `step to ${i}`);
  if (file.endsWith('.mkv')) return;  // which has no decoding times
  for (let i = 1; i < decoded.length; i++) assert.ok(decoded[i] > decoded[i - 1], `decoding of ${i}`);
}

// 2.3 s is within the third group of 25 pictures, 6.5 s within the seventh: pictures 58 to 162, of
// which 75 to 149 lie in whole groups.
const part = { start: 2.3, end: 6.5 };
const pictures = { from: 57, to: 162 };
const cases = [
  ['H.264 in MP4', 'closed', 'mp4', [75, 150], 0],
  ['H.264 from a transport stream', 'ts', 'mp4', [75, 150], 0],
  ['H.264 from Matroska into Matroska', 'mkv', 'mkv', [75, 150], 0],
  ['H.264 in a transport stream', 'closed', 'ts', [75, 150], 0.08],
  ['H.264 in FLV', 'closed', 'flv', [75, 150], 0.08],
  ['H.265 of closed groups', 'h265', 'mp4', [75, 150], 0],
  ['H.265 of open groups', 'h265_open', 'mp4', [75, 147], 0],
  ['H.265 of open groups into Matroska', 'h265_open', 'mkv', [75, 147], 0],
  ['H.265 of open groups from a transport stream', 'ts_h265', 'mp4', [75, 147], 0],
  ['H.265 of ten bits', 'h265_10bit', 'mp4', [75, 147], 0],
];
for (const [what, source, container, copied, late] of cases) {
  check_if(lacks_tools, `a part of ${what} is copied but for its ends`, async () => {
    const file = await clip_of(sources[source](), { ...part, container });
    const coarse = ['mkv', 'flv'].includes(container) || ['mkv'].includes(source);
    const seen = await ffprobe(file);
    await assert_is_part(file, sources[source](), {
      ...pictures, copied, late: late ? Number(seen.video.start_time) : 0,
      grain: coarse ? 0.0021 : 0.0006 });
    assert.equal(seen.video.codec_name, source.includes('h265') ? 'hevc' : 'h264');
    near(Number(seen.format.duration), 4.2, container === 'mp4' ? 0.03 : 0.2, 'duration');
    // As long as its table of samples has it, too.
    if (container === 'mp4') near(Number(seen.video.duration), 4.2, 0.03, 'track');
  }, long);
}

check_if(lacks_tools, 'a part that begins at a keyframe encodes its end alone', async () => {
  const file = await clip_of(sources.closed(), { start: 2, end: 6.5 });
  await assert_is_part(file, sources.closed(), { from: 50, to: 162, copied: [50, 150] });
}, long);

check_if(lacks_tools, 'open groups of H.264 are right, if encoded', async () => {
  const task = await made.make(sources.open(), [{ name: 'v', type: 'video', ...copy, ...part }]);
  assert.match(task.outputs[0].notes.join(), /pictures are encoded/);
  const { file } = await made.file(task.outputs[0]);
  await assert_is_part(file, sources.open(), { ...pictures, copied: [0, 0] });
}, long);

check_if(lacks_tools, 'pictures hidden by an edit list stay hidden', async () => {
  const source = sources.edited();
  const file = await clip_of(source, { start: 1, end: 5 });
  // The source begins 0.6 s into a group of 25: groups begin at its pictures 10, 35, 60, ...
  await assert_is_part(file, source, { from: 25, to: 125, copied: [35, 110] });
}, long);

check_if(lacks_tools, 'what is encoded at the cuts looks like its source', async () => {
  const file = await clip_of(sources.closed(), part);
  const graph = `[1:v]trim=start_frame=${pictures.from}:end_frame=${pictures.to},setpts=N/25/TB[a];` +
                '[0:v]setpts=N/25/TB[b];[b][a]ssim=stats_file=-';
  const ran = spawnSync('ffmpeg', ['-v', 'error', '-i', file, '-i', sources.closed(), '-lavfi', graph,
                                   '-f', 'null', '-'], { encoding: 'utf8' });
  const likeness = [...ran.stdout.matchAll(/All:([\d.]+)/g)].map((found) => Number(found[1]));
  assert.equal(likeness.length, pictures.to - pictures.from);
  assert.ok(Math.min(...likeness) > 0.97, `${Math.min(...likeness)}`);
}, long);

/// Where a sound begins to be heard after silence, s.
function beeps(file) {
  const ran = spawnSync('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:a', '-ac', '1', '-ar', '8000',
                                   '-f', 's16le', '-'], { maxBuffer: 1 << 26 });
  const samples = new Int16Array(ran.stdout.buffer, ran.stdout.byteOffset, ran.stdout.length >> 1);
  const found = [];
  let quiet = 800;
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i]) < 2000) {
      quiet++;
      continue;
    }
    if (quiet >= 800) found.push(i / 8000);
    quiet = 0;
  }
  return found;
}

for (const [container, audio, tolerance] of [['mp4', 'copy', 0.005], ['mkv', 'copy', 0.03],
                                             ['mp4', 'aac', 0.005]]) {
  check_if(lacks_tools, `sound stays with the pictures of a part (${audio} in ${container})`, async () => {
    const file = await clip_of(sources.closed(), { ...part, container, audio: { codec: audio } });
    const start = Number((await ffprobe(file)).audio.start_time);
    const heard = beeps(file).map((at) => at + start);
    // The source beeps at 3, 4, 5 and 6 s.
    assert.equal(heard.length, 4, `${heard}`);
    heard.forEach((at, i) => near(at, 0.7 + i, tolerance, `beep ${i}`));
  }, long);
}

check_if(lacks_tools, 'a part at keyframes encodes nothing and begins at the one before', async () => {
  for (const source of ['closed', 'h265_open', 'ts']) {
    const file = await clip_of(sources[source](), { ...part, cut: 'keyframe' });
    await assert_decodes(file);
    const wanted = (await picture_digests(sources[source]())).slice(50);
    const got = await picture_digests(file);
    assert.ok(got.length >= 113 - 3 && got.length <= 113 + 4, `${source}: ${got.length} pictures`);
    // Of those behind the end only some are there.
    assert.deepEqual(got.slice(0, 110), wanted.slice(0, 110), source);
  }
}, long);

check_if(lacks_tools, 'what cannot be cut is encoded', async () => {
  const source = synthesise('vp9.webm', ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used',
                                         '8', '-an'], { seconds: 3, sound: false });
  const task = await made.make(source, [
    { name: 'v', type: 'video', container: 'webm', video: { codec: 'copy' }, start: 1, end: 2 }]);
  const { file } = await made.file(task.outputs[0]);
  const seen = await ffprobe(file, { count: true });
  assert.equal(seen.video.codec_name, 'vp9');
  assert.equal(Number(seen.video.nb_read_frames), rate);
}, long);

// --- several sources as one ---

const upload = async (file) =>
  (await made.server.client.upload(fs.createReadStream(file), path.basename(file))).input;
async function joined(pieces, outputs) {
  const inputs = [];
  for (const { file, ...part } of pieces) inputs.push({ input: await upload(file), ...part });
  const task = await made.server.client.done({ inputs, outputs });
  return { task, file: (await made.file(task.outputs[0])).file };
}

check_if(lacks_tools, 'sources that are alike are joined without encoding', async () => {
  const other = synthesise('other.mp4', x264(':bframes=3'), { seconds: 4 });
  const { task, file } = await joined([{ file: sources.closed() }, { file: other }],
                                      [{ name: 'v', type: 'video', ...copy }]);
  await assert_decodes(file);
  assert.deepEqual(await picture_digests(file), [...await picture_digests(sources.closed()),
                                                 ...await picture_digests(other)]);
  near(task.source.duration, 12, 0.1, 'duration');
  assert.equal(task.inputs.length, 2);
  const heard = beeps(file);
  assert.equal(heard.length, 12, `${heard}`);
  heard.forEach((at, i) => near(at, i, 0.06, `beep ${i}`));
  const { shown, decoded } = await timing_of(file);
  for (let i = 1; i < shown.length; i++) near(shown[i] - shown[i - 1], frame, frame, `step to ${i}`);
  for (let i = 1; i < decoded.length; i++) assert.ok(decoded[i] > decoded[i - 1]);
}, long);

check_if(lacks_tools, 'parts of sources that are alike are cut exactly and joined', async () => {
  const { file } = await joined([{ file: sources.closed(), start: 2.3, end: 4.5 },
                                 { file: sources.closed(), start: 5 }],
                                [{ name: 'v', type: 'video', ...copy }]);
  await assert_decodes(file);
  const whole = await picture_digests(sources.closed());
  const got = await picture_digests(file);
  assert.equal(got.length, 55 + 75);
  assert.deepEqual(got.slice(75 - 57, 100 - 57), whole.slice(75, 100), 'the first part is copied');
  assert.deepEqual(got.slice(55), whole.slice(125), 'and so is the second');
  const heard = beeps(file);  // at 3 and 4 s of the first, 5, 6 and 7 s of the second
  [0.7, 1.7, 2.2, 3.2, 4.2].forEach((at, i) => near(heard[i], at, 0.06, `beep ${i} of ${heard}`));
}, long);

check_if(lacks_tools, 'sources that differ are brought to the first, and silence stands in for sound',
         async () => {
  const tall = synthesise('tall.mp4', x265(''), { seconds: 2, size: '144x256' });
  const mute = synthesise('mute.mp4', x264('').filter((o, i, all) => !aac.includes(o)),
                          { seconds: 2, sound: false, size: '320x240' });
  const { task, file } = await joined(
    [{ file: sources.closed(), end: 2 }, { file: mute }, { file: tall }],
    [{ name: 'v', type: 'video', video: { preset: 'ultrafast' } }, { name: 's', type: 'cover', at: 5 }]);
  await assert_decodes(file);
  const seen = await ffprobe(file, { count: true });
  assert.deepEqual([seen.video.width, seen.video.height], [256, 144]);
  near(Number(seen.video.nb_read_frames), 150, 1, 'pictures');
  near(Number(seen.audio.duration), 6, 0.1, 'sound');
  const heard = beeps(file);  // none from 2 to 4 s
  [0, 1, 4, 5].forEach((at, i) => near(heard[i], at, 0.06, `beep ${i} of ${heard}`));
  assert.equal(heard.length, 4);
  assert.equal(task.outputs[1].state, 'succeeded');
}, long);

/// A plain red in the colours that are named.
const coloured = (name, size, [primaries, transfer, space], format, codec) => synthesise(name, [
  '-vf', `setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr,zscale=p=${primaries}:` +
    `t=${transfer}:m=${space}:r=tv,format=${format}`, ...codec, '-color_primaries', primaries,
  '-color_trc', transfer, '-colorspace', space, '-t', '1'],
  { from: ['-f', 'lavfi', '-i', `color=0xc02020:s=${size}:r=${rate}:d=1,format=gbrp`] });
const sdr = ['-c:v', 'libx264', '-crf', '6', '-preset', 'ultrafast'];
const deep = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none:crf=6'];

check_if(lacks_tools, 'sources of several colours are joined to one look', async () => {
  const hd = coloured('hd.mp4', '1280x720', ['bt709', 'bt709', 'bt709'], 'yuv420p', sdr);
  const sd = coloured('sd.mp4', '640x360', ['smpte170m', 'smpte170m', 'smpte170m'], 'yuv420p', sdr);
  const pq = (name, size) => coloured(name, size, ['bt2020', 'smpte2084', 'bt2020nc'],
                                      'yuv420p10le', deep);
  const h265 = { codec: 'h265', pixel_depth: 10, preset: 'ultrafast', crf: 12 };
  for (const [name, files, wanted] of [
    ['HD and SD', [hd, sd], ['bt709', 'bt709']],
    ['both HDR', [pq('a.mp4', '640x360'), pq('b.mp4', '320x180')], ['bt2020nc', 'smpte2084']],
    ['HDR and SD', [pq('a.mp4', '640x360'), sd], ['bt709', 'bt709']]]) {
    const { file } = await joined(files.map((one) => ({ file: one })),
                                  [{ name: 'v', type: 'video', video: h265, audio: false }]);
    const seen = (await ffprobe(file)).video;
    assert.deepEqual([seen.color_space, seen.color_transfer], wanted, name);
    const [first, second] = [await colour_at(file, 160, 90, { at: 0.5 }),
                             await colour_at(file, 160, 90, { at: 1.5 })];
    const both = `${name}: ${first} and ${second}`;
    if (name === 'HDR and SD') {
      // Tones that were mapped are another red than those that were not.
      assert.ok(first[0] > 4 * first[1] && first[0] > 4 * first[2], both);
      [192, 32, 32].forEach((value, i) => near(second[i], value, 12, both));
    } else {
      first.forEach((value, i) => near(second[i], value, 8, both));
    }
  }
}, long);

check_if(lacks_tools, 'joining counts as progress', async () => {
  const one = synthesise('one.mp4', x264(''), { seconds: 20, size: '1280x720' });
  const other = synthesise('other.mkv', x264(''), { seconds: 5, size: '320x240' });
  const inputs = [{ input: await upload(one) }, { input: await upload(other) }];
  const { id } = await made.server.client.submit({ inputs, outputs: [
    { name: 'v', type: 'video', video: { preset: 'ultrafast', height: 180 } }] });
  const seen = [];
  const task = await until('the task to end', async () => {
    const now = await made.server.client.task(id);
    seen.push(now.progress);
    return now.state === 'succeeded' ? now : null;
  }, { every: 30 });
  assert.ok(seen.some((share) => share > 0.02 && share < 0.4), `${[...new Set(seen)]}`);
  seen.forEach((share, i) => assert.ok(i === 0 || share >= seen[i - 1], `${share} after ${seen[i - 1]}`));
  assert.equal(task.progress, 1);
}, long);

check_if(lacks_tools, 'sound that is FLAC already joins sound that is not', async () => {
  const tone = (name, codec, hertz) => synthesise(name, [...codec], { from: ['-f', 'lavfi', '-i',
    `sine=${hertz}:r=48000:d=2,pan=stereo|c0=c0|c1=c0`] });
  const flac = tone('tone.mp4', ['-c:a', 'flac', '-sample_fmt', 's32', '-strict', '-2'], 440);
  const other = tone('tone.m4a', aac, 880);
  for (const files of [[flac, other], [other, flac]]) {
    const { file } = await joined(files.map((one) => ({ file: one })),
                                  [{ name: 'v', type: 'video', container: 'm4a', audio: {} }]);
    await assert_decodes(file);
    near(Number((await ffprobe(file)).audio.duration), 4, 0.1, 'both');
  }
}, long);

check_if(lacks_tools, 'several remote sources are fetched, each by a unit, and joined', async () => {
  const remote = await MediaSource.start();
  const own = await Server.start({ flags: ['--network-allow-addresses', remote.address] });
  try {
    const bytes = fs.readFileSync(sources.closed());
    const inputs = ['/a.mp4', '/b.mp4'].map((place) => ({
      input: remote.serve(place, 'ok', bytes, 'video/mp4'), start: 1, end: 3 }));
    const task = await own.client.done({ inputs, outputs: [{ name: 'v', type: 'video', ...copy }] });
    near(task.source.duration, 4, 0.1, 'duration');
    const seen = await ffprobe(made.store((await load(task.outputs[0].url)).body, 'v.mp4'),
                               { count: true });
    assert.equal(Number(seen.video.nb_read_frames), 4 * rate);
    const gone = remote.serve('/gone.mp4', 404);
    const answer = await own.client.raw('POST', '/api/v1/tasks', { body: {
      inputs: [inputs[0], { input: gone }], outputs: [{ type: 'video' }], max_attempts: 1 } });
    assert.equal((await own.client.finished(answer.json().id)).error.code, 'input_not_found');
  } finally {
    await Promise.all([own.close(), remote.close()]);
  }
}, long);

check_if(lacks_tools, 'what is wrong with one of several sources is said of that one', async () => {
  const input = await upload(sources.closed());
  const broken = (await made.server.client.upload(Buffer.from('no media at all'), 'x.mp4')).input;
  const outputs = [{ name: 'v', type: 'video', video: { preset: 'ultrafast' } }];
  const answer = await made.server.client.raw('POST', '/api/v1/tasks', {
    body: { inputs: [{ input }, { input: broken }], outputs, max_attempts: 1 } });
  const task = await made.server.client.finished(answer.json().id);
  assert.equal(task.error.code, 'not_media');
  assert.match(task.error.message, /inputs\[1\]/);
  for (const [body, field] of [[{ inputs: [] }, 'inputs'], [{ inputs: [{}] }, 'inputs[0].input'],
                               [{ inputs: [{ input, begin: 1 }] }, 'inputs[0].begin'],
                               [{ inputs: [{ input, start: 3, end: 2 }] }, 'inputs[0].end'],
                               [{ inputs: [{ input: 'ftp://x/y' }] }, 'inputs[0].input'],
                               [{ input, inputs: [{ input }] }, 'inputs'],
                               [{ kind: 'probe', inputs: [{ input }] }, 'inputs']]) {
    const refused = await made.server.client.raw('POST', '/api/v1/tasks', { body });
    assert.equal(refused.status, 400, refused.text);
    assert.equal(refused.json().field, field, refused.text);
  }
}, long);

// --- awkward sources ---

const small = { preset: 'ultrafast' };

check_if(lacks_tools, 'sound alone comes out in every container, encoded or copied', async () => {
  const task = await made.make(sources.closed(), [
    { name: 'a', type: 'video', container: 'm4a', audio: { codec: 'copy' } },
    { name: 'b', type: 'video', container: 'mp3' }, { name: 'c', type: 'video', container: 'ogg' },
    { name: 'd', type: 'video', container: 'flac' },
    { name: 'e', type: 'video', container: 'm4a', audio: { codec: 'copy' }, start: 2.5, end: 5.5 },
    { name: 'f', type: 'video', container: 'mkv', video: false, audio: { codec: 'copy' } },
  ]);
  const codecs = ['aac', 'mp3', 'opus', 'flac', 'aac', 'aac'];
  for (const [i, output] of task.outputs.entries()) {
    const { file } = await made.file(output);
    const seen = await ffprobe(file);
    assert.equal(seen.video, null);
    assert.equal(seen.audio.codec_name, codecs[i]);
    await assert_decodes(file);
    const heard = beeps(file);
    assert.equal(heard.length, i === 4 ? 3 : 8, `${output.name}: ${heard}`);
    if (i === 4) heard.forEach((at, k) => near(at, 0.5 + k, 0.03, `beep ${k}`));
  }
}, long);

const stills = [
  ['a JPEG', 'jpg', ['-frames:v', '1']],
  ['a PNG with alpha', 'png', ['-vf', 'format=rgba,colorchannelmixer=aa=0.5', '-frames:v', '1']],
  ['a WebP', 'webp', ['-frames:v', '1']],
  ['an AVIF', 'avif', ['-frames:v', '1', '-c:v', 'libsvtav1', '-pix_fmt', 'yuv420p']],
  ['a GIF of one picture', 'gif', ['-frames:v', '1']],
  ['a moving GIF', 'gif', ['-frames:v', '10']],
  ['an MP4 of one picture', 'mp4', ['-frames:v', '1', '-pix_fmt', 'yuv420p']],
  ['odd sides', 'mkv', ['-vf', 'crop=161:121', '-pix_fmt', 'yuv444p', '-frames:v', '10']],
  ['pictures with alpha', 'mov', ['-c:v', 'png', '-vf', 'format=rgba', '-frames:v', '10']],
  ['VP9 with alpha', 'webm', ['-c:v', 'libvpx-vp9', '-pix_fmt', 'yuva420p', '-deadline', 'realtime',
                              '-frames:v', '10']],
];
for (const [what, kind, options] of stills) {
  check_if(lacks_tools, `${what} is a source`, async () => {
    const source = synthesise(`${what.replaceAll(' ', '-')}.${kind}`, options, { sound: false, seconds: 1 });
    const task = await made.make(source, [{ name: 'v', type: 'video', video: small },
                                          { name: 's', type: 'cover' }]);
    const { file } = await made.file(task.outputs[0]);
    await assert_decodes(file);
    const seen = await ffprobe(file, { count: true });
    const wanted = Number(options[options.indexOf('-frames:v') + 1]);
    assert.equal(Number(seen.video.nb_read_frames), wanted);
    assert.equal(seen.video.width % 2 + seen.video.height % 2, 0);
    assert.equal(seen.video.pix_fmt, 'yuv420p');
    assert.equal(task.outputs[1].state, 'succeeded');
  }, long);
}

check_if(lacks_tools, 'a still of an unknown kind, and a broken HEIC, are refused as that', async () => {
  const box = (type, ...parts) => {
    const head = Buffer.alloc(8);
    const body = Buffer.concat(parts);
    head.writeUInt32BE(8 + body.length, 0);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, body]);
  };
  const words = (text) => Buffer.from(text, 'latin1');
  const handler = box('hdlr', Buffer.alloc(8), words('pict'), Buffer.alloc(13));
  const still = (brand) => Buffer.concat([
    box('ftyp', words(`${brand}\0\0\0\0mif1${brand}`)), box('meta', Buffer.alloc(4), handler),
    box('mdat', Buffer.alloc(64))]);
  for (const [brand, code, words_of_it] of [['heic', 'decode_failed', /HEIC/],
                                            ['jp2k', 'unsupported', /still picture/]]) {
    const { input } = await made.server.client.upload(still(brand), `a.${brand}`);
    const { id } = await made.server.client.submit({ input, outputs: [{ type: 'cover' }],
                                                     max_attempts: 1 });
    const task = await made.server.client.finished(id);
    assert.equal(task.error.code, code, JSON.stringify(task.error));
    assert.match(task.error.message, words_of_it);
  }
}, long);

const lacks_heif = spawnSync('heif-enc', ['--version']).error
  ? 'there is no heif-enc (Debian package libheif-examples)' : null;

check_if(lacks_tools ?? lacks_heif, 'a HEIC picture is a source like any other still', async () => {
  const png = synthesise('quarters.png', ['-frames:v', '1'], { from: ['-f', 'lavfi', '-i',
    'color=red:s=320x240:r=1,drawbox=x=0:y=120:w=320:h=120:color=lime:t=fill,format=rgb24'] });
  const heic = path.join(made.folder, 'quarters.heic');
  assert.equal(spawnSync('heif-enc', ['-q', '95', '-o', heic, png]).status, 0);
  const task = await made.make(heic, [
    { name: 'c', type: 'cover', format: 'png' }, { name: 'v', type: 'video', video: small }]);
  assert.equal(task.source.container, 'heif');
  assert.deepEqual([task.source.video[0].codec, task.source.video[0].width, task.source.video[0].height],
                   ['hevc', 320, 240]);
  assert.equal(task.source.size, fs.statSync(heic).size);
  const { input } = await made.server.client.upload(fs.readFileSync(heic), 'q.heic');
  const probed = await made.server.client.done({ kind: 'probe', input });
  assert.deepEqual(probed.source.video, task.source.video);
  const cover = (await made.file(task.outputs[0])).file;
  for (const [y, wanted] of [[40, [255, 0, 0]], [200, [0, 255, 0]]]) {
    const got = await colour_at(cover, 100, y);
    wanted.forEach((value, i) => near(got[i], value, 12, `${y}: ${got}`));
  }
  await assert_decodes((await made.file(task.outputs[1])).file);

  // Beside other things it is one too: laid over pictures, behind another piece, analysed.
  const grey = synthesise('grey.png', ['-frames:v', '1'], { from: ['-f', 'lavfi', '-i',
    'color=gray:s=320x240:r=1,format=rgb24'] });
  const marked = await made.make(grey, [
    { type: 'cover', format: 'png', watermarks: [{ image: input, width: '100%' }] }]);
  const above = await colour_at((await made.file(marked.outputs[0])).file, 100, 40);
  [255, 0, 0].forEach((value, i) => near(above[i], value, 12, `watermark: ${above}`));
  const both = await joined([{ file: grey }, { file: heic }], [{ type: 'video', video: small }]);
  assert.equal(both.task.outputs[0].facts.video[0].frames, 2);
  const analysed = await made.server.client.done({ kind: 'analyse', input,
                                                   options: { analyses: ['shots'] } });
  assert.equal(analysed.source.container, 'heif');
}, long);

check_if(lacks_tools, 'what is transparent is laid on black, in stills and in streams', async () => {
  // Green that is seen beside magenta that is not, and half of red.
  const seen = ['-f', 'lavfi', '-i', 'color=0x00ff00:s=96x64:r=5:d=1,format=rgba,' +
    "geq=r='if(lt(X,32),255,if(lt(X,64),0,255))':g='if(lt(X,32),0,if(lt(X,64),255,0))':" +
    "b='if(lt(X,32),255,0)':a='if(lt(X,32),0,if(lt(X,64),255,128))'"];
  for (const [kind, args] of [['png', ['-frames:v', '1']], ['mov', ['-c:v', 'png']],
                              ['mov', ['-c:v', 'prores_ks', '-pix_fmt', 'yuva444p10le']],
                              ['webm', ['-pix_fmt', 'yuva420p', '-crf', '5', '-b:v', '2M',
                                        '-auto-alt-ref', '0', '-c:v', 'libvpx']],
                              ['webm', ['-pix_fmt', 'yuva420p', '-crf', '5', '-b:v', '0',
                                        '-c:v', 'libvpx-vp9']]]) {
    const file = synthesise(`alpha-${args.at(-1)}.${kind}`, args, { from: seen });
    const task = await made.make(file, [{ type: 'cover', format: 'png' },
                                        { type: 'video', video: { preset: 'ultrafast', crf: 5 } }]);
    for (const output of task.outputs) {
      const picture = (await made.file(output)).file;
      for (const [x, wanted] of [[16, [0, 0, 0]], [48, [0, 255, 0]], [80, [128, 0, 0]]]) {
        const got = await colour_at(picture, x, 32);
        wanted.forEach((value, i) => near(got[i], value, 14, `${kind} ${output.type} ${x}: ${got}`));
      }
    }
  }
}, long);

check_if(lacks_tools, 'fragments that are not all there are missed', async () => {
  const whole = synthesise('fragments.mp4', [...x264(''), '-movflags', 'frag_keyframe+empty_moov'],
                           { seconds: 4 });
  const bytes = fs.readFileSync(whole);
  const last = boxes(bytes).findLast((box) => box.type === 'mdat');
  const file = path.join(made.folder, 'torn-fragment.mp4');
  fs.writeFileSync(file, bytes.subarray(0, last.body + 100));
  const { input } = await made.server.client.upload(fs.readFileSync(file), 'torn.mp4');
  const outputs = [{ type: 'video', video: small }];
  const { id } = await made.server.client.submit({ input, outputs, max_attempts: 1 });
  const task = await made.server.client.finished(id);
  assert.equal(task.error?.code, 'decode_failed', JSON.stringify(task.error));
  assert.match(task.error.message, /fragment/);
}, long);

check_if(lacks_tools, 'a stream that does not start with a keyframe is used from the first one on',
         async () => {
  const whole = fs.readFileSync(sources.ts());
  // A transport stream can be cut anywhere: its tables come again and again.
  const file = path.join(made.folder, 'late.ts');
  fs.writeFileSync(file, whole.subarray(Math.floor(whole.length / 16 / 188) * 188));
  const task = await made.make(file, [{ name: 'v', type: 'video', video: small },
                                      { name: 'c', type: 'video', ...copy },
                                      { name: 'p', type: 'video', ...copy, start: 2, end: 4 }]);
  for (const output of task.outputs) {
    const { file: out } = await made.file(output);
    await assert_decodes(out);
    const seen = await ffprobe(out, { count: true });
    assert.ok(Number(seen.video.nb_read_frames) >= (output.name === 'p' ? 50 : 150), output.name);
    near(Number(seen.audio.start_time), Number(seen.video.start_time), 0.9, 'both begin');
  }
}, long);

check_if(lacks_tools, 'clocks may start anywhere', async () => {
  for (const [kind, offset] of [['ts', '95000'], ['mkv', '3600'], ['mp4', '17']]) {
    const source = synthesise(`late-${offset}.${kind}`, ['-c', 'copy', '-output_ts_offset', offset,
      ...(kind === 'ts' ? ['-muxdelay', '0'] : [])], { from: ['-i', sources.closed()] });
    const task = await made.make(source, [{ name: 'v', type: 'video', video: small, start: 2.3, end: 6.5 },
                                          { name: 'p', type: 'video', ...copy, ...part }]);
    for (const output of task.outputs) {
      const { file } = await made.file(output);
      await assert_decodes(file);
      const seen = await ffprobe(file, { count: true });
      near(Number(seen.video.nb_read_frames), 105, 1, `${kind} ${output.name}`);
      near(Number(seen.format.duration), 4.2, 0.05, `${kind} ${output.name}`);
    }
  }
}, long);

check_if(lacks_tools, 'a truncated file fails and says where, or is used as far as it goes', async () => {
  const front = synthesise('front.mp4', ['-c', 'copy', '-movflags', '+faststart'],
                           { from: ['-i', sources.closed()] });
  for (const [source, kind] of [[front, 'mp4'], [sources.mkv(), 'mkv']]) {
    const bytes = fs.readFileSync(source);
    const input = (await made.server.client.upload(bytes.subarray(0, bytes.length / 2), `half.${kind}`)).input;
    const outputs = [{ name: 'v', type: 'video', video: small }, { name: 'c', type: 'video', ...copy }];
    const ended = async (extra) => {
      const answer = await made.server.client.raw('POST', '/api/v1/tasks', {
        body: { input, outputs, max_attempts: 1, ...extra } });
      assert.equal(answer.status, 202, answer.text);
      return made.server.client.finished(answer.json().id);
    };
    const refused = await ended({});
    assert.equal(refused.error.code, 'decode_failed', kind);
    assert.match(refused.error.message, /failed at [2-6]\.\d s/);
    const kept = await ended({ accept_damaged: true });
    assert.equal(kept.state, 'succeeded', JSON.stringify(kept.error));
    for (const output of kept.outputs) {
      assert.match(output.notes[0], /failed at/);
      const { file } = await made.file(output);
      const seen = await ffprobe(file, { count: true });
      const pictures = Number(seen.video.nb_read_frames);
      assert.ok(pictures > 50 && pictures < 175, `${pictures} pictures`);
    }
  }
}, long);
