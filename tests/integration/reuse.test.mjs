// Streams that already are what is asked for, which are copied, and those that only seem to be.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import {
  assert_decodes, boxes, ffprobe, forged, lacks_tools, packets_of, picture_digests, stream_md5,
} from './support/media.mjs';
import { check_if, random_from } from './support/suite.mjs';
import { load, near, Transcodes } from './support/transcodes.mjs';

const long = { timeout: 600_000 };
const made = Transcodes.for_all_checks();

const rate = 24;
const source = () => forged([
  '-f', 'lavfi', '-i', `testsrc2=s=640x360:r=${rate}:d=8`, '-f', 'lavfi', '-i',
  'anoisesrc=r=48000:d=8:a=0.2,pan=stereo|c0=c0|c1=c0', '-c:v', 'libx264', '-preset', 'veryfast',
  '-pix_fmt', 'yuv420p', '-g', String(2 * rate), '-c:a', 'aac', '-b:a', '128k'], 'mp4');
const small = { short_side: 180, preset: 'ultrafast' };
const roomy = { max_rate: 100_000_000 };

check_if(lacks_tools, 'a stream that already is what is asked for is copied', async () => {
  const file = await source();
  const bits = Number((await ffprobe(file)).video.bit_rate);
  const sound = { bitrate: 320_000 };
  const wishes = [
    ['a peak', roomy, true], ['an average', { bitrate: bits * 2 }, true],
    ['rare keyframes', { ...roomy, gop: 60 }, true], ['another container', roomy, true, 'mkv'],
    ['its rate', { ...roomy, frame_rate: rate }, true],
    ['no reuse', { ...roomy, reuse: false }, false], ['a quality', { crf: 23 }, false],
    ['less', { bitrate: Math.round(bits / 2) }, false],
    ['a low peak', { max_rate: bits, buffer: Math.round(bits / 50) }, false],
    ['keyframes', { ...roomy, gop: 0.1 }, false], ['a size', { ...roomy, height: 180 }, false],
    ['a codec', { ...roomy, codec: 'h265' }, false], ['a turn', { ...roomy, rotate: 180 }, false],
    ['a profile', { ...roomy, profile: 'baseline' }, false],
    ['a rate', { ...roomy, max_frame_rate: 12 }, false],
  ];
  const task = await made.make(file, wishes.map(([, video, , container], i) => ({
    name: `v${i}`, type: 'video', container: container ?? 'mp4', audio: sound,
    video: video.reuse === undefined ? { preset: 'ultrafast', ...video } : video })));
  const pictures = await stream_md5(file, 'v:0');
  const heard = await stream_md5(file, 'a:0');
  for (const [i, [name, , is_copied, container]] of wishes.entries()) {
    const output = task.outputs[i];
    const result = (await made.file(output)).file;
    assert.equal(await stream_md5(result, 'v:0') === pictures, is_copied, name);
    // What its edit list hides at the start would be heard in others than MP4.
    assert.equal(await stream_md5(result, 'a:0') === heard, container === undefined, name);
    const copies = (is_copied ? 1 : 0) + (container === undefined ? 1 : 0);
    assert.equal(output.notes.length, copies, `${name}: ${output.notes}`);
    await assert_decodes(result);
  }
}, long);

check_if(lacks_tools, 'sound is copied only where nothing about it changes', async () => {
  const wishes = [{ bitrate: 320_000 }, { bitrate: 320_000, reuse: false }, { bitrate: 24_000 },
                  { bitrate: 320_000, gain: 1 }, { bitrate: 320_000, channels: 1 },
                  { bitrate: 320_000, sample_rate: 32_000 }];
  const file = await source();
  const task = await made.make(file, [
    ...wishes.map((audio, i) => ({ name: `a${i}`, type: 'video', container: 'm4a', audio })),
    { name: 'part', type: 'video', container: 'm4a', audio: wishes[0], start: 1 },
    { name: 'h', type: 'hls', renditions: [{ name: 'a', video: small, audio: wishes[0] }] }]);
  const heard = await stream_md5(file, 'a:0');
  for (const [i, output] of task.outputs.slice(0, 7).entries()) {
    assert.equal(await stream_md5((await made.file(output)).file, 'a:0') === heard, i === 0, output.name);
  }
  // Segments do not say that the start of the sound is not to be heard.
  assert.equal(task.outputs[7].notes, undefined, 'in segments');
}, long);

const all_streams = ['-f', 'lavfi', '-i', `testsrc2=s=320x180:r=${rate}:d=6`, '-f', 'lavfi', '-i',
                     'anoisesrc=r=44100:d=6:a=0.2,pan=stereo|c0=c0|c1=c0'];
const h264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-g', String(2 * rate)];
const vp9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '300k',
             '-pix_fmt', 'yuv420p', '-g', String(2 * rate)];
const containers = [
  ['mkv', [...h264, '-c:a', 'aac'], 'mp4', {}], ['ts', [...h264, '-c:a', 'aac'], 'mp4', {}],
  ['ts', [...h264, '-c:a', 'aac'], 'mp4', { fragmented: true }],
  ['ts', [...h264, '-c:a', 'aac'], 'mkv', {}], ['flv', [...h264, '-c:a', 'aac'], 'mp4', {}], ['mkv', [...h264, '-c:a', 'aac'], 'ts', {}],
  ['ts', [...h264, '-c:a', 'libmp3lame'], 'mkv', { audio: 'mp3' }],
  ['webm', [...vp9, '-c:a', 'libopus'], 'webm', { video: 'vp9', audio: 'opus' }],
  ['mp4', [...h264, '-c:a', 'aac', '-movflags', 'frag_keyframe+delay_moov'], 'mp4', { hides: true }],
];
for (const [kind, args, container, { video, audio, hides, fragmented }] of containers) {
  const what = `${hides ? 'fragmented mp4' : kind} with ${audio ?? 'aac'}`;
  const into = `${fragmented ? 'fragmented ' : ''}${container}`;
  check_if(lacks_tools, `streams of ${what} are copied into ${into}`, async () => {
    const file = await forged([...all_streams, ...args], kind);
    const task = await made.make(file, [{
      name: 'v', type: 'video', container, fragmented, video: { ...roomy, codec: video },
      audio: { bitrate: 320_000, codec: audio } }]);
    const [output] = task.outputs;
    const result = (await made.file(output)).file;
    await assert_decodes(result);
    assert.equal(output.notes?.length, 2, output.notes?.join());
    assert.deepEqual(await picture_digests(result), await picture_digests(file));
    const [before, after] = [await packets_of(file, 'v:0'), await packets_of(result, 'v:0')];
    for (const [i, { pts, key }] of after.entries()) {
      near(pts - after[0].pts, before[i].pts - before[0].pts, 0.002, `picture ${i}`);
      assert.equal(key, before[i].key, `picture ${i}`);
    }
    const sounds = [await packets_of(file, 'a:0'), await packets_of(result, 'a:0')];
    assert.equal(sounds[1].length, sounds[0].length);
    const lead = (audio_at, video_at) => audio_at[0].pts - video_at[0].pts;
    near(lead(sounds[1], after), lead(sounds[0], before), 0.03, 'sound beside pictures');
  }, long);
}

/// What one file after another is, in a container that begins anew where it likes.
const behind = (...files) => Buffer.concat(files.map((file) => fs.readFileSync(file)));

check_if(lacks_tools, 'streams that change on the way are encoded', async () => {
  const pattern = (size) => ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=25:d=2`];
  const video = { preset: 'ultrafast', ...roomy };
  const sets = await Promise.all(['2', '4'].map((refs) => forged([
    ...pattern('320x180'), '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-refs', refs], 'ts')));
  const same = made.store(behind(sets[0], sets[0]), 'same.ts');
  const other = made.store(behind(...sets), 'other.ts');
  assert.ok(!await reuses(same, { video }), 'a clock set anew');
  assert.ok(!await reuses(other, { video }), 'other parameter sets');
  assert.ok(await reuses(sets[0], { video }, { by_pictures: true }), 'one alone');
  // One picture size after another, as calls over the web have it.
  const sizes = await Promise.all(['320x180', '160x90'].map((size) => forged([
    ...pattern(size), ...vp9], 'webm')));
  const list = made.store(sizes.map((file) => `file '${file}'\n`).join(''), 'list.ffconcat');
  const resized = await forged(['-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy'], 'webm');
  const into_webm = { container: 'webm', video: { codec: 'vp9', ...roomy } };
  assert.ok(await reuses(sizes[0], into_webm));
  assert.ok(!await reuses(resized, into_webm), 'another size');
  const tones = await Promise.all([1, 2].map((channels) => forged([
    '-f', 'lavfi', '-i', `sine=d=2,aformat=channel_layouts=${channels === 1 ? 'mono' : 'stereo'}`,
    '-output_ts_offset', String(2 * channels), '-c:a', 'aac'], 'ts')));
  const sound = { name: 'a', type: 'video', container: 'm4a', audio: { bitrate: 320_000 } };
  const notes = async (file) => (await made.make(file, [sound])).outputs[0].notes?.length ?? 0;
  assert.equal(await notes(tones[0]), 1);
  assert.equal(await notes(made.store(behind(...tones), 'channels.ts')), 0, 'other channels');
}, long);

check_if(lacks_tools, 'sound with holes, and pictures that look back before the start, are encoded', async () => {
  const whole = await forged([...all_streams, '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt',
    'yuv420p', '-x264-params', 'keyint=24:open-gop=1:scenecut=0', '-c:a', 'libmp3lame'], 'mkv');
  const holed = await forged(['-i', whole, '-map', '0:a', '-c', 'copy', '-bsf:a',
                              "noise=drop='between(n,60,100)'"], 'mkv');
  const [{ facts, notes }] = (await made.make(holed, [
    { name: 'a', type: 'video', container: 'mp3', audio: { bitrate: 320_000 } }])).outputs;
  assert.equal(notes, undefined);
  near(facts.audio[0].duration, 6, 0.1, 'the hole is silence');
  const order = (await packets_of(whole, 'v:0')).sort((a, b) => a.at - b.at);
  const second = order.findIndex((packet, i) => i > 0 && packet.key);
  const late = await forged(['-copyts', '-i', whole, '-map', '0:v', '-c', 'copy', '-bsf:v',
                             `noise=drop='lt(n,${second})'`], 'mkv');
  assert.ok(!await reuses(late, { video: { ...roomy, preset: 'ultrafast' } }));
}, long);

/// The lengths of a variant's segments, s.
const lengths = (variant) => variant.segments.map((segment) => segment.seconds);

check_if(lacks_tools, 'a rendition of a ladder is copied where its keyframes fit', async () => {
  const ladder = (video) => ({
    name: 'h', type: 'hls', segment: 2, manifests: ['hls', 'dash'], renditions: [
      { name: 'all', video: { ...roomy, preset: 'ultrafast', ...video }, audio: { bitrate: 320_000 } },
      { name: 'small', video: { short_side: 90, preset: 'ultrafast' }, audio: { bitrate: 64_000 } }] });
  const files = {
    'on the grid': [[...h264, '-x264-params', 'scenecut=0'], true, 'mkv'],
    'of a transport stream': [[...h264, '-x264-params', 'scenecut=0'], true, 'ts'],
    'off the grid': [[...h264, '-g', '30', '-x264-params', 'scenecut=0'], false, 'mkv'],
    'open groups': [[...h264, '-x264-params', 'scenecut=0:open-gop=1'], false, 'mkv'],
  };
  for (const [what, [args, fits, kind]] of Object.entries(files)) {
    const file = await forged([...all_streams, ...args, '-c:a', 'aac'], kind);
    const [output] = (await made.make(file, [ladder({})])).outputs;
    const [all, small_one] = await made.hls(output);
    assert.equal(output.notes?.length, fits ? 2 : 1, `${what}: ${output.notes}`);
    const [ours, theirs] = [lengths(all), lengths(small_one)];
    assert.equal(ours.length, theirs.length, what);
    // Matroska's times are whole milliseconds.
    for (const [i, length] of ours.entries()) near(length, theirs[i], 0.001, `${what}: segment ${i}`);
    for (const variant of [all, small_one]) await assert_decodes(variant.file);
    const [now, then] = [await picture_digests(all.file), await picture_digests(file)];
    assert.equal(now.every((digest, i) => digest === then[i]), fits, what);
    assert.equal(now.length, then.length, what);
    // Players may change between the two.
    const dash = output.files.find((one) => one.name.endsWith('.mpd'));
    const { text } = await load(dash.url);
    assert.equal(text.match(/contentType="video"/g)?.length, 1, text);
  }
}, long);

/// Whether the pictures of an output are those of its source.
async function reuses(file, output, { format, by_pictures } = {}) {
  const task = await made.make(file, [{ name: 'v', type: 'video', audio: false, ...output }]);
  const [made_of_it] = task.outputs;
  assert.equal(made_of_it.state, 'succeeded', JSON.stringify(made_of_it.error));
  const result = (await made.file(made_of_it)).file;
  await assert_decodes(result);
  if (format) assert.equal((await ffprobe(result)).video.pix_fmt, format);
  // Containers frame the same pictures differently.
  const digest = async (path) => by_pictures
    ? (await picture_digests(path)).join() : stream_md5(path, 'v:0');
  const is_same = await digest(result) === await digest(file);
  assert.equal(is_same, made_of_it.notes !== undefined, made_of_it.notes?.join());
  return is_same;
}

check_if(lacks_tools, 'a stream that only seems to be what is asked for is encoded', async () => {
  const pattern = (rate) => ['-f', 'lavfi', '-i', `testsrc2=s=320x180:r=${rate}:d=2`];
  const x264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p'];
  const video = { preset: 'ultrafast', ...roomy };
  const plain = await forged([...pattern(25), ...x264], 'mp4');
  assert.ok(await reuses(plain, { video }));
  assert.ok(!await reuses(plain, { video, start: 0.5 }), 'a part');
  assert.ok(!await reuses(plain, { video: { ...video, scene_cuts: false } }), 'even keyframes');
  const ntsc = await forged([...pattern('30000/1001'), ...x264], 'mp4');
  assert.ok(await reuses(ntsc, { video: { ...video, frame_rate: 29.97 } }));
  assert.ok(!await reuses(ntsc, { video: { ...video, frame_rate: 30 } }), '29.97 is not 30');
  // Where packets have no times of showing.
  assert.ok(!await reuses(await forged([...pattern(25), ...x264], 'avi'), { video }), 'AVI');
  const fields = await forged([...pattern(25), ...x264, '-flags', '+ildct+ilme'], 'mp4');
  assert.ok(!await reuses(fields, { video }), 'interlaced');
  const uneven = await forged([...pattern(25), '-vf', "select='mod(n,3)'", '-vsync', 'vfr', ...x264], 'mp4');
  assert.ok(await reuses(uneven, { video }), 'an uneven rate is kept');
  assert.ok(!await reuses(uneven, { video: { ...video, frame_rate: 17 } }), 'an uneven rate');
  const deep = await forged([...pattern(25), '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params',
    'log-level=none', '-tag:v', 'hvc1', '-pix_fmt', 'yuv420p10le'], 'mp4');
  const h265 = { ...video, codec: 'h265' };
  assert.ok(await reuses(deep, { video: { ...h265, pixel_depth: 10 } }, { format: 'yuv420p10le' }));
  assert.ok(!await reuses(deep, { video: h265 }, { format: 'yuv420p' }), 'another depth');
  const clear = await forged([...pattern(25), '-vf', 'format=yuva420p', ...vp9, '-pix_fmt', 'yuva420p'],
                             'webm');
  assert.ok(!await reuses(clear, { container: 'webm', video: { codec: 'vp9', ...roomy } }), 'opacity');
}, long);

/// An MP4 whose first track describes its samples twice, as editors write it that join clips; the
/// last of them are of the second description.
function described_twice(original) {
  const bytes = Buffer.from(original);
  let chunks = { body: 0, end: bytes.length };
  for (const type of ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsc']) {
    chunks = boxes(bytes, chunks.body, chunks.end).find((box) => box.type === type);
  }
  bytes.writeUInt32BE(2, chunks.end - 4);
  const parts = [];
  const copy = (from, to) => parts.push(bytes.subarray(from, to));
  const sized = (start, size) => {
    const head = Buffer.from(bytes.subarray(start, start + 8));
    head.writeUInt32BE(size);
    return head;
  };
  const path = ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd'];
  const trail = [];
  for (const type of path) {
    const { body, end } = trail.at(-1) ?? { body: 0, end: bytes.length };
    trail.push(boxes(bytes, body, end).find((box) => box.type === type));
  }
  const table = trail.at(-1);
  const entry = bytes.subarray(table.body + 8, table.end);
  const count = Buffer.from([0, 0, 0, 2]);
  let at = 0;
  for (const box of trail) {
    copy(at, box.start);
    parts.push(sized(box.start, box.end - box.start + entry.length));
    at = box.start + 8;
  }
  copy(at, table.body + 4);
  parts.push(count, entry);
  copy(table.body + 8, bytes.length);
  return Buffer.concat(parts);
}

check_if(lacks_tools, 'a stream with several descriptions is encoded', async () => {
  // The index stands at the end, so that nothing it points to moves.
  const file = await forged(['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=2', '-c:v', 'libx264',
                             '-preset', 'veryfast', '-pix_fmt', 'yuv420p'], 'mp4');
  const several = made.store(described_twice(fs.readFileSync(file)), 'several.mp4');
  await assert_decodes(several);
  assert.ok(await reuses(file, { video: roomy }));
  assert.ok(!await reuses(several, { video: { ...roomy, preset: 'ultrafast' } }));
}, long);

check_if(lacks_tools, 'packets that reach behind the end of the file are not copied', async () => {
  const file = await forged(['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=4', '-c:v', 'libx264',
                             '-preset', 'veryfast', '-movflags', '+faststart'], 'mp4');
  const bytes = fs.readFileSync(file);
  const torn = made.store(bytes.subarray(0, bytes.length - 40), 'torn.mp4');
  const task = await made.make(torn, [{ name: 'v', type: 'video', video: roomy, audio: false }]);
  assert.equal(task.outputs[0].notes, undefined);
  await assert_decodes((await made.file(task.outputs[0])).file);
}, long);

check_if(lacks_tools, 'noise in the place of pictures is found, decoded or not', async () => {
  const bytes = Buffer.from(fs.readFileSync(await source()));
  const media = boxes(bytes).find((box) => box.type === 'mdat');
  const random = random_from(7);
  for (let at = media.body; at < media.end; at++) bytes[at] = Math.floor(random() * 256);
  const input = (await made.server.client.upload(bytes, 'noise.mp4')).input;
  for (const video of [roomy, { codec: 'copy' }, small]) {
    const { id } = await made.server.client.submit({ input, max_attempts: 1, outputs: [
      { name: 'v', type: 'video', video, audio: false }] });
    assert.equal((await made.server.client.finished(id)).error?.code, 'decode_failed');
  }
}, long);
