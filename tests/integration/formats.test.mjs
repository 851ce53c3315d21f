// The codecs, containers and kinds of output beside the ladder's, looked at with tools that are not
// ours.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { assert_problem } from './support/api.mjs';
import {
  assert_decodes, assert_faststart, clip, ffprobe, has_shared_clips, jpeg_size, lacks_clips,
  lacks_tools, likeness, packets_of, synthesised,
} from './support/media.mjs';
import { check, check_if } from './support/suite.mjs';
import { Transcodes, near } from './support/transcodes.mjs';

const long = { timeout: 600_000 };
const made = Transcodes.for_all_checks();

const source = has_shared_clips
  ? { path: clip('bbb-1080p24.mp4'), rate: 24, frames: 288, seconds: 12, late: 0.074 }
  : { ...synthesised({ width: 640, height: 360, rate: 24, frames: 288 }), late: 0 };
const frame = 1 / source.rate;
const small = { short_side: 240, preset: 'ultrafast' };

const transcode = (file, outputs) => made.make(file, outputs);
const fetch_file = (output, index) => made.file(output, index);
const load_hls = (output) => made.hls(output);

// --- codecs and containers ---

check_if(lacks_tools, 'H.265 comes out whole, tagged for every player, and looks like its source',
         async () => {
  const task = await transcode(source.path, [{
    name: 'v', type: 'video', video: { codec: 'h265', preset: 'superfast', short_side: 360, gop: 2,
                                       scene_cuts: false },
  }]);
  const { bytes, file } = await fetch_file(task.outputs[0]);
  assert_faststart(bytes);
  const seen = await ffprobe(file, { count: true });
  assert.equal(seen.video.codec_name, 'hevc');
  assert.equal(seen.video.codec_tag_string, 'hvc1');
  assert.equal(seen.video.profile, 'Main');
  assert.equal(seen.video.pix_fmt, 'yuv420p');
  assert.equal(Number(seen.video.nb_read_frames), source.frames);
  near(Number(seen.video.duration), source.seconds, frame, 'duration');
  const keys = (await packets_of(file, 'v:0')).filter((p) => p.key).map((p) => p.pts);
  assert.ok(keys.length >= source.seconds / 2, `keyframes at ${keys}`);
  for (let i = 1; i < keys.length; i++) near(keys[i] - keys[i - 1], 2, frame, 'keyframe distance');
  await assert_decodes(file);
  const ssim = await likeness(file, source.path, seen.video.width, seen.video.height);
  assert.ok(ssim > 0.85, `SSIM ${ssim}`);
}, long);

check_if(lacks_tools, 'an H.265 rate cap holds', async () => {
  const free = await transcode(source.path, [{
    name: 'v', type: 'video', audio: false, video: { ...small, codec: 'h265', crf: 18 } }]);
  const cap = Math.round(((await fetch_file(free.outputs[0])).bytes.length * 8) / source.seconds / 3);
  const capped = await transcode(source.path, [{
    name: 'v', type: 'video', audio: false,
    video: { ...small, codec: 'h265', crf: 18, max_rate: cap } }]);
  const rate = ((await fetch_file(capped.outputs[0])).bytes.length * 8) / source.seconds;
  assert.ok(rate <= cap * (1 + 2 / source.seconds) * 1.1, `${rate} bit/s under a cap of ${cap}`);
}, long);

for (const codec of ['aac', 'mp3']) {
  check_if(lacks_tools, `FLV holds H.264 with ${codec}`, async () => {
    const task = await transcode(source.path, [{
      name: 'v', type: 'video', container: 'flv', video: small, audio: { codec } }]);
    const { bytes, type, file } = await fetch_file(task.outputs[0]);
    assert.equal(type, 'video/x-flv');
    assert.equal(bytes.toString('latin1', 0, 3), 'FLV');
    const seen = await ffprobe(file, { count: true });
    assert.equal(seen.format.format_name, 'flv');
    assert.equal(seen.video.codec_name, 'h264');
    assert.equal(Number(seen.video.nb_read_frames), source.frames);
    assert.equal(seen.audio.codec_name, codec);
    if (codec === 'mp3') assert.equal(seen.audio.sample_rate, '44100');
    // FLV has no times below 0: what reordering needs comes on top.
    near(Number(seen.format.duration), source.seconds + source.late, 3 * frame, 'duration');
    await assert_decodes(file);
  }, long);
}

check_if(lacks_tools, 'sound alone goes into M4A and MP3', async () => {
  const task = await transcode(source.path, [
    { name: 'a', type: 'video', container: 'm4a' },
    { name: 'b', type: 'video', container: 'mp3', audio: { bitrate: 192_000 } },
  ]);
  const m4a = await fetch_file(task.outputs[0]);
  assert.equal(m4a.type, 'audio/mp4');
  assert.equal(m4a.bytes.toString('latin1', 4, 11), 'ftypM4A');
  assert_faststart(m4a.bytes);
  const mp3 = await fetch_file(task.outputs[1]);
  assert.equal(mp3.type, 'audio/mpeg');
  for (const [{ file }, codec] of [[m4a, 'aac'], [mp3, 'mp3']]) {
    const seen = await ffprobe(file);
    assert.equal(seen.video, null);
    assert.equal(seen.audio.codec_name, codec);
    near(Number(seen.format.duration), source.seconds, 0.1, `duration of ${codec}`);
    await assert_decodes(file);
  }
  assert.equal(Number((await ffprobe(mp3.file)).audio.bit_rate), 192_000);
}, long);

check_if(lacks_tools, 'a level is kept to, or what is beyond it is said', async () => {
  const task = await made.server.client.finished((await made.server.client.submit({
    input: (await made.server.client.upload(fs.readFileSync(source.path), 'level.mp4')).input,
    outputs: [
      { name: 'a', type: 'video', audio: false,
        video: { short_side: 240, preset: 'slower', level: 2.1, crf: 1 } },
      { name: 'b', type: 'video', audio: false,
        video: { short_side: 240, preset: 'ultrafast', codec: 'h265', level: 3 } },
      { name: 'c', type: 'video', audio: false, video: { ...small, level: 1.1 } }] })).id);
  const [low, h265, beyond] = task.outputs;
  const seen = await ffprobe((await fetch_file(low)).file);
  assert.equal(seen.video.level, 21);
  assert.ok(seen.video.refs <= 4752 / (27 * 15), `${seen.video.refs} references`);
  assert.ok(Number(seen.video.bit_rate) < 5_000_000 * 1.2, `${seen.video.bit_rate} bit/s`);
  assert.equal((await ffprobe((await fetch_file(h265)).file)).video.level, 90);
  assert.equal(beyond.state, 'failed');
  assert.match(beyond.error.message, /level 1\.1/);
}, long);

check('what a container cannot hold is refused with the field and the reason', async () => {
  const refused = async (output, field, words) => {
    const body = { input: 'https://example.com/a.mp4', outputs: [output] };
    const answer = await made.server.client.raw('POST', '/api/v1/tasks', { body });
    const problem = assert_problem(answer, 400, 'invalid_parameter', `outputs[0].${field}`);
    assert.match(problem.detail, words);
  };
  await refused({ container: 'flv', video: { codec: 'av1' } }, 'video.codec', /flv holds h264/);
  await refused({ video: { level: 3.3 } }, 'video.level', /3\.1, 3\.2, 4/);
  await refused({ video: { codec: 'vp9', level: 4 } }, 'video.level', /h264 and h265/);
  await refused({ container: 'mp3', video: {} }, 'video', /sound only/);
  await refused({ container: 'webm', audio: { codec: 'aac' } }, 'audio.codec', /webm holds opus/);
  await refused({ video: { codec: 'copy', crf: 20 } }, 'video.crf', /not a field/);
  await refused({ type: 'hls', segments: 'ts', renditions: [{ video: { codec: 'h265' } }] },
                'renditions[0].video.codec', /h264/);
});

// --- HLS ---

check_if(lacks_tools, 'HLS in transport streams plays whole and alike in every rendition', async () => {
  const task = await transcode(source.path, [{
    name: 'h', type: 'hls', segments: 'ts', segment: 4, renditions: [
      { name: 'a', video: small }, { name: 'b', video: { ...small, short_side: 120 } },
      { name: 'c', video: { ...small, short_side: 120 }, audio: { codec: 'mp3' } }],
  }]);
  const variants = await load_hls(task.outputs[0]);
  assert.equal(variants.length, 3);
  const starts = [];
  for (const [index, variant] of variants.entries()) {
    assert.match(variant.text, /#EXT-X-VERSION:3\n/);
    assert.equal(variant.init.length, 0);
    assert.match(variant.attributes, /CODECS="avc1\.[0-9A-F]{6},mp4a\.40\.(2|34)"/);
    assert.equal(variant.attributes.includes('mp4a.40.34'), index === 2);
    const seen = await ffprobe(variant.file, { count: true });
    assert.equal(Number(seen.video.nb_read_frames), source.frames);
    near(variant.segments.reduce((sum, s) => sum + s.seconds, 0), source.seconds + source.late,
         0.15, 'segments add up');
    await assert_decodes(variant.file);
    const list = [];
    for (const segment of variant.segments) {
      assert.equal(segment.headers['content-type'], 'video/mp2t');
      assert.equal(segment.body.length % 188, 0);
      // Tables, then a keyframe: each segment can be the first one played.
      const file = made.store(segment.body, segment.name);
      await assert_decodes(file);
      const packets = await packets_of(file, 'v:0');
      assert.ok(packets[0].key, `${segment.name} begins with a keyframe`);
      list.push(packets[0].pts);
    }
    for (let i = 1; i < list.length; i++) {
      near(list[i] - list[i - 1], i === 1 ? variant.segments[0].seconds - source.late
                                          : variant.segments[i - 1].seconds, 0.002,
           'time goes on where the last segment ended');
    }
    starts.push(list);
  }
  assert.deepEqual(starts[1], starts[0]);
  assert.deepEqual(starts[2], starts[0]);
}, long);

check_if(lacks_tools, 'HLS of H.265 is named as players know it and plays whole', async () => {
  const task = await transcode(source.path, [{
    name: 'h', type: 'hls', segment: 4,
    renditions: [{ name: 'a', video: { ...small, codec: 'h265' } }, { name: 'b', video: small }],
  }]);
  const variants = await load_hls(task.outputs[0]);
  assert.match(variants[0].attributes, /CODECS="hvc1\.1\.6\.L\d+(\.[0-9A-F]+)*,mp4a\.40\.2"/);
  assert.match(variants[1].attributes, /CODECS="avc1/);
  const cuts = variants.map((v) => v.segments.map((s) => s.seconds));
  assert.deepEqual(cuts[0], cuts[1], 'both codecs cut at the same times');
  const seen = await ffprobe(variants[0].file, { count: true });
  assert.equal(seen.video.codec_tag_string, 'hvc1');
  assert.equal(Number(seen.video.nb_read_frames), source.frames);
  await assert_decodes(variants[0].file);
}, long);

// --- parts ---

check_if(lacks_tools, 'parts of a source are exact to the frame and begin at 0', async () => {
  const task = await transcode(source.path, [
    { name: 'middle', type: 'video', start: 3, end: 8, video: small },
    { name: 'last', type: 'video', start: -4, video: small },
    { name: 'sound', type: 'video', container: 'm4a', start: 2.5, end: 4 },
    { name: 'hls', type: 'hls', segments: 'ts', start: 3, end: 8,
      renditions: [{ name: 'a', video: small }] },
  ]);
  const middle = await fetch_file(task.outputs[0]);
  const seen = await ffprobe(middle.file, { count: true });
  assert.equal(Number(seen.video.nb_read_frames), 5 * source.rate);
  near(Number(seen.video.start_time), 0, 0.001, 'first picture');
  near(Number(seen.format.duration), 5, frame, 'duration');
  near(Number(seen.audio.duration), 5, 0.03, 'sound');
  await assert_decodes(middle.file);
  const last = await ffprobe((await fetch_file(task.outputs[1])).file, { count: true });
  near(Number(last.format.duration), 4, frame, 'duration of the end');
  near(Number(last.video.nb_read_frames), 4 * source.rate, 1, 'frames of the end');
  const sound = await ffprobe((await fetch_file(task.outputs[2])).file);
  near(Number(sound.format.duration), 1.5, 0.03, 'duration of the sound');
  const [variant] = await load_hls(task.outputs[3]);
  assert.equal(Number((await ffprobe(variant.file, { count: true })).video.nb_read_frames),
               5 * source.rate);
  near(variant.segments.reduce((sum, s) => sum + s.seconds, 0), 5, frame, 'length of the playlist');
}, long);

const kinds = {
  'av1-cups-720p30.webm': 29.97, 'face-sign-480p30.mkv': 30, 'interlaced-576i25.ts': 25,
  'phone-rotated-1276x720.mp4': 30, 'multi-audio-subs.mkv': 24,
};
for (const [name, rate] of Object.entries(kinds)) {
  check_if(lacks_clips ?? lacks_tools, `a part of ${name} has its length`, async () => {
    const task = await transcode(clip(name), [
      { name: 'v', type: 'video', start: 1, end: 3, video: small }]);
    const { file } = await fetch_file(task.outputs[0]);
    const seen = await ffprobe(file, { count: true });
    near(Number(seen.video.nb_read_frames), 2 * rate, 1, 'frames');
    near(Number(seen.video.duration), 2, 1 / rate, 'duration');
    await assert_decodes(file);
  }, long);
}

check('a part beyond the source fails alone', async () => {
  const task = await transcode(synthesised().path, [
    { name: 'late', type: 'video', start: 60, video: small },
    { name: 'v', type: 'video', start: 1, video: small },
  ]);
  assert.equal(task.outputs[0].error.code, 'unsupported');
  assert.match(task.outputs[0].error.message, /lasts 2\.000 s/);
  assert.equal(task.outputs[1].state, 'succeeded');
});

// --- frame rates and snapshots ---

check_if(lacks_tools, 'a frame-rate cap keeps the length of the source', async () => {
  const task = await transcode(source.path, [
    { name: 'v', type: 'video', audio: false, video: { ...small, max_frame_rate: 7 } }]);
  const seen = await ffprobe((await fetch_file(task.outputs[0])).file, { count: true });
  near(Number(seen.video.nb_read_frames), source.seconds * 7, 1, 'frames');
  near(Number(seen.video.duration), source.seconds, frame, 'duration');
}, long);

check('snapshots come in order, at the size asked for', async () => {
  const outputs = [
    { name: 'tenths', type: 'snapshots', every_percent: 10, short_side: 90 },
    { name: 'times', type: 'snapshots', times: [1.5, 0.2, 99], format: 'png', short_side: 90 },
  ];
  const video = { name: 'v', type: 'video', video: small };
  const alone = await transcode(source.path, outputs);
  const beside = await transcode(source.path, [...outputs, video]);
  for (const task of [alone, beside]) {
    const [tenths, times] = task.outputs;
    assert.deepEqual(tenths.files.map((f) => f.name),
                     Array.from({ length: 10 }, (_, i) => `tenths/${String(i + 1).padStart(5, 0)}.jpg`));
    for (const [index] of tenths.files.entries()) {
      const { bytes, type, file } = await fetch_file(tenths, index);
      assert.equal(type, 'image/jpeg');
      assert.equal(jpeg_size(bytes).height, 90);
      await assert_decodes(file);
    }
    assert.equal(times.files.length, 3);
    assert.equal((await fetch_file(times)).type, 'image/png');
  }
  for (const index of [0, 1]) {
    assert.deepEqual(alone.outputs[index].files.map((f) => f.md5),
                     beside.outputs[index].files.map((f) => f.md5),
                     'the same pictures by themselves and beside a video');
  }
}, long);
