// Every codec and container beside H.264 in MP4, streams that are copied, and pictures that move or
// stand in sheets: made by a server and looked at with tools that are not ours.
import assert from 'node:assert/strict';
import {
  assert_decodes, clip, ffprobe, has_shared_clips, jpeg_size, lacks_clips, lacks_tools, likeness,
  packets_of, picture_of, stream_md5, synthesised,
} from './support/media.mjs';
import { check, check_if } from './support/suite.mjs';
import { Transcodes, load, near } from './support/transcodes.mjs';

const long = { timeout: 600_000 };
const made = Transcodes.for_all_checks();

const source = has_shared_clips
  ? { path: clip('bbb-1080p24.mp4'), rate: 24, frames: 288, seconds: 12 }
  : synthesised({ width: 640, height: 360, rate: 24, frames: 288 });
source.seconds ??= source.frames / source.rate;
const frame = 1 / source.rate;
const small = { short_side: 180, preset: 'ultrafast' };

const kinds = [
  { container: 'mp4', video: 'av1', audio: 'opus', type: 'video/mp4' },
  { container: 'mp4', video: 'vp9', audio: 'flac', type: 'video/mp4' },
  { container: 'webm', video: 'vp9', audio: 'opus', type: 'video/webm' },
  { container: 'webm', video: 'av1', audio: 'opus', type: 'video/webm' },
  { container: 'mkv', video: 'h265', audio: 'mp3', type: 'video/x-matroska' },
  { container: 'mkv', video: 'h264', audio: 'flac', type: 'video/x-matroska' },
  { container: 'ts', video: 'h264', audio: 'aac', type: 'video/mp2t' },
  { container: 'ogg', audio: 'opus', type: 'audio/ogg' },
  { container: 'flac', audio: 'flac', type: 'audio/flac' },
];
const names = { h265: 'hevc' };
for (const { container, video, audio, type } of kinds) {
  const what = [video, audio].filter(Boolean).join(' and ');
  check_if(lacks_tools, `${what} in ${container} is whole and looks like its source`, async () => {
    const task = await made.make(source.path, [{
      name: 'v', type: 'video', container, audio: { codec: audio },
      ...(video && { video: { ...small, codec: video } }) }]);
    const { file, type: got } = await made.file(task.outputs[0]);
    assert.equal(got, type);
    const seen = await ffprobe(file, { count: true });
    assert.equal(seen.audio.codec_name, audio);
    near(Number(seen.format.duration), source.seconds, 0.1, 'duration');
    await assert_decodes(file);
    if (!video) return;
    assert.equal(seen.video.codec_name, names[video] ?? video);
    assert.equal(Number(seen.video.nb_read_frames), source.frames);
    assert.equal(task.outputs[0].facts.video[0].frames, source.frames);
    const ssim = await likeness(file, source.path, seen.video.width, seen.video.height);
    assert.ok(ssim > 0.8, `SSIM ${ssim}`);
  }, long);
}

check_if(lacks_tools, 'a bit rate asked for is met by AV1 and VP9', async () => {
  const wanted = 300_000;
  const output = (name, codec) => ({ name, type: 'video', container: 'webm', audio: false,
                                     video: { ...small, codec, bitrate: wanted } });
  const task = await made.make(source.path, [output('a', 'av1'), output('b', 'vp9')]);
  for (const each of task.outputs) {
    const { bytes } = await made.file(each);
    const rate = (bytes.length * 8) / source.seconds;
    assert.ok(rate > wanted * 0.3 && rate < wanted * 1.6, `${each.name}: ${rate} bit/s`);
  }
}, long);

check_if(lacks_tools, 'HLS of AV1 is named as players know it and cut like the others', async () => {
  // AV1's keyframes are counted from the first picture, which here is at 0.
  const even = synthesised({ rate: 24, frames: 240 });
  const task = await made.make(even.path, [{
    name: 'h', type: 'hls', segment: 4, renditions: [
      { name: 'a', video: { ...small, codec: 'av1' }, audio: { codec: 'opus' } },
      { name: 'b', video: { ...small, codec: 'vp9' } }, { name: 'c', video: small }],
  }]);
  const variants = await made.hls(task.outputs[0]);
  assert.match(variants[0].attributes, /CODECS="av01\.0\.\d\dM\.08,Opus"/);
  assert.match(variants[1].attributes, /CODECS="vp09\.00\.\d\d\.08,mp4a\.40\.2"/);
  const cuts = variants.map((v) => v.segments.map((s) => s.seconds));
  assert.deepEqual(cuts[0], cuts[2]);
  assert.deepEqual(cuts[1], cuts[2]);
  for (const variant of variants) {
    assert.equal(Number((await ffprobe(variant.file, { count: true })).video.nb_read_frames),
                 even.frames);
    await assert_decodes(variant.file);
  }
}, long);

// --- copies ---

const copied = { video: { codec: 'copy' }, audio: { codec: 'copy' } };

check_if(lacks_clips ?? lacks_tools, 'copied streams are the source\'s, bit by bit', async () => {
  const task = await made.make(source.path, [
    { name: 'mp4', type: 'video', ...copied },
    { name: 'mkv', type: 'video', container: 'mkv', ...copied },
    { name: 'ts', type: 'video', container: 'ts', ...copied },
    { name: 'flv', type: 'video', container: 'flv', ...copied },
    { name: 'mixed', type: 'video', video: { codec: 'copy' }, audio: { bitrate: 64_000 } },
    { name: 'sound', type: 'video', container: 'm4a', audio: { codec: 'copy' } },
    { name: 'small', type: 'video', video: small },
  ]);
  const sums = { v: await stream_md5(source.path, 'v:0'), a: await stream_md5(source.path, 'a:0') };
  for (const output of task.outputs.slice(0, 4)) {
    const { file } = await made.file(output);
    await assert_decodes(file);
    const seen = await ffprobe(file, { count: true });
    assert.equal(Number(seen.video.nb_read_frames), source.frames, output.name);
    // Transport streams and their kin write the same pictures in another form.
    if (output.name === 'ts') continue;
    assert.equal(await stream_md5(file, 'v:0'), sums.v, output.name);
    assert.equal(await stream_md5(file, 'a:0'), sums.a, output.name);
  }
  const mixed = (await made.file(task.outputs[4])).file;
  assert.equal(await stream_md5(mixed, 'v:0'), sums.v);
  assert.notEqual(await stream_md5(mixed, 'a:0'), sums.a);
  assert.equal(await stream_md5((await made.file(task.outputs[5])).file, 'a:0'), sums.a);
  assert.equal(task.outputs[6].facts.video[0].height, 180);
  assert.equal(task.outputs[0].facts.video[0].frames, source.frames);
}, long);

check_if(lacks_clips ?? lacks_tools, 'a copy keeps how the picture is to be turned', async () => {
  const task = await made.make(clip('phone-rotated-1276x720.mp4'),
                               [{ name: 'v', type: 'video', ...copied }]);
  const before_copy = await ffprobe(clip('phone-rotated-1276x720.mp4'));
  const seen = await ffprobe((await made.file(task.outputs[0])).file);
  const turn = (one) => one.video.side_data_list?.find((data) => 'rotation' in data)?.rotation;
  assert.equal(turn(seen), turn(before_copy));
  assert.notEqual(turn(seen), undefined);
  assert.equal(task.outputs[0].facts.video[0].rotation, task.source.video[0].rotation);
}, long);

check_if(lacks_clips ?? lacks_tools, 'HLS of copied streams cuts at the source\'s keyframes', async () => {
  const task = await made.make(source.path, [
    { name: 'h', type: 'hls', segments: 'ts', segment: 2, renditions: [{ name: 'a', ...copied }] },
    { name: 'f', type: 'hls', segment: 2, renditions: [{ name: 'a', ...copied }] },
  ]);
  const keys = (await packets_of(source.path, 'v:0')).filter((p) => p.key).map((p) => p.pts);
  for (const output of task.outputs) {
    const [variant] = await made.hls(output);
    const seen = await ffprobe(variant.file, { count: true });
    assert.equal(Number(seen.video.nb_read_frames), source.frames);
    await assert_decodes(variant.file);
    let at = 0;
    for (const segment of variant.segments) {
      assert.ok(at === 0 || keys.some((key) => Math.abs(key - at) < 0.002), `a keyframe at ${at}`);
      at += segment.seconds;
    }
  }
}, long);

check('a stream that a container cannot hold fails that output alone, with the reason', async () => {
  const clip = synthesised();
  const task = await made.make(clip.path, [
    { name: 'webm', type: 'video', container: 'webm', video: { codec: 'copy' }, audio: false },
    { name: 'v', type: 'video', video: small },
  ]);
  assert.equal(task.outputs[0].error.code, 'unsupported');
  assert.match(task.outputs[0].error.message, /webm cannot hold/);
  assert.equal(task.outputs[1].state, 'succeeded');
});

// --- H.265 in FLV, which no tool of Debian 12 reads ---

/// The pictures of an FLV whose codec has the number 12, as an Annex B stream.
function hevc_of_flv(bytes) {
  const start = Buffer.from([0, 0, 0, 1]);
  const units = [];
  const add = (data, at, sizeBytes) => {
    while (at < data.length) {
      const size = data.readUIntBE(at, sizeBytes);
      units.push(start, data.subarray(at + sizeBytes, at + sizeBytes + size));
      at += sizeBytes + size;
    }
  };
  for (let at = 13; at < bytes.length;) {
    const size = bytes.readUIntBE(at + 1, 3);
    const body = bytes.subarray(at + 11, at + 11 + size);
    if (bytes[at] === 9) {
      assert.equal(body[0] & 0xf, 12);
      if (body[1] === 1) add(body, 5, 4);
      else if (body[1] === 0) {
        let place = 5 + 23;
        for (let array = 0; array < body[5 + 22]; array++) {
          const count = body.readUInt16BE(place + 1);
          place += 3;
          for (let i = 0; i < count; i++) {
            const length = body.readUInt16BE(place);
            units.push(start, body.subarray(place + 2, place + 2 + length));
            place += 2 + length;
          }
        }
      }
    }
    at += 11 + size + 4;
  }
  return Buffer.concat(units);
}

check_if(lacks_tools, 'H.265 in FLV carries every picture', async () => {
  const task = await made.make(source.path, [
    { name: 'v', type: 'video', container: 'flv', video: { ...small, codec: 'h265' } }]);
  const { bytes } = await made.file(task.outputs[0]);
  const raw = made.store(hevc_of_flv(bytes), 'flv.h265');
  const seen = await ffprobe(raw, { count: true });
  assert.equal(seen.video.codec_name, 'hevc');
  assert.equal(Number(seen.video.nb_read_frames), source.frames);
  await assert_decodes(raw);
  const [facts] = task.outputs[0].facts.video;
  assert.equal(facts.codec, 'hevc');
  assert.equal(facts.height, 180);
}, long);

// --- pictures ---

check_if(lacks_tools, 'a part of a source becomes a GIF with colours of its own', async () => {
  const task = await made.make(source.path, [
    { name: 'g', type: 'video', container: 'gif', start: 2, end: 5,
      video: { short_side: 120, max_frame_rate: 4 } }]);
  const { file, type } = await made.file(task.outputs[0]);
  assert.equal(type, 'image/gif');
  const seen = await ffprobe(file, { count: true });
  assert.equal(Number(seen.video.nb_read_frames), 12);
  near(Number(seen.format.duration), 3, 0.3, 'duration');
  const ssim = await likeness(file, source.path, seen.video.width, seen.video.height,
                              { start: 2, end: 5, rate: 4 });
  assert.ok(ssim > 0.7, `SSIM ${ssim}`);
}, long);

check('a part of a source becomes a moving WebP', async () => {
  const task = await made.make(source.path, [
    { name: 'w', type: 'video', container: 'webp', start: 2, end: 5,
      video: { short_side: 120, max_frame_rate: 4 } }]);
  const { bytes, type } = await made.file(task.outputs[0]);
  assert.equal(type, 'image/webp');
  assert.equal(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 8, 12), 'RIFFWEBP');
  // RIFF chunks: a name, a length, the bytes, one more where the length is odd.
  const chunks = [];
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32LE(at + 4);
    chunks.push({ name: bytes.toString('latin1', at, at + 4), body: bytes.subarray(at + 8) });
    at += 8 + size + (size % 2);
  }
  const frames = chunks.filter((chunk) => chunk.name === 'ANMF');
  assert.equal(frames.length, 12);
  assert.equal(chunks.find((chunk) => chunk.name === 'ANIM').body.readUInt16LE(4), 0, 'for ever');
  near(frames.reduce((sum, one) => sum + one.body.readUIntLE(12, 3), 0), 3000, 50, 'milliseconds');
  assert.equal(task.outputs[0].facts.video[0].height, 120);
}, long);

check_if(lacks_tools, 'sprites show when what is seen, on sheets that hold them', async () => {
  const spec = { name: 's', type: 'sprites', every: 1, width: 142, height: 80, columns: 3, rows: 2 };
  const alone = await made.make(source.path, [spec]);
  const beside = await made.make(source.path, [spec, { name: 'v', type: 'video', video: small }]);
  const [output] = alone.outputs;
  const count = Math.ceil(alone.source.duration);
  assert.deepEqual(output.files.map((f) => f.name), ['s/index.vtt', ...Array.from(
    { length: Math.ceil(count / 6) }, (_, i) => `s/0000${i + 1}.jpg`)]);
  assert.deepEqual(output.files.map((f) => f.md5), beside.outputs[0].files.map((f) => f.md5));
  const answer = await load(output.url);
  assert.match(answer.headers['content-type'], /^text\/vtt/);
  const cues = [...answer.text.matchAll(
    /(\d\d):(\d\d):([\d.]+) --> (\d\d):(\d\d):([\d.]+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)\n/g)];
  assert.equal(cues.length, count);
  assert.ok(answer.text.startsWith('WEBVTT\n\n'));
  for (const [index, cue] of cues.entries()) {
    assert.equal(Number(cue[3]), index);
    near(Number(cue[6]), Math.min(index + 1, alone.source.duration), 0.001, 'end');
    assert.deepEqual(cue.slice(8).map(Number),
                     [(index % 3) * 142, Math.floor((index % 6) / 3) * 80, 142, 80]);
  }
  const sheet = await load(new URL(cues[6][7], output.url).href);
  assert.deepEqual(jpeg_size(sheet.body), { width: 426, height: 160 });
  // The seventh second, as the sheet has it and as the source has it.
  const file = made.store(sheet.body, 'sheet.jpg');
  const tile = await picture_of(file, { crop: '142:80:0:0' });
  const frame_then = await picture_of(source.path, { at: 6, scale: '142:80' });
  const apart = tile.reduce((sum, byte, i) => sum + Math.abs(byte - frame_then[i]), 0) / tile.length;
  assert.ok(apart < 8, `${apart} of 255 apart`);
}, long);
