// What comes out: every fact of every output, looked at with tools that are not ours.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import fs from 'node:fs';
import path from 'node:path';
import { call } from './support/http.mjs';
import {
  assert_decodes, assert_faststart, clip, ffprobe, has_shared_clips, jpeg_size, lacks_clips,
  lacks_tools, likeness, md5, mp4_samples, packets_of, synthesised,
} from './support/media.mjs';
import { Server } from './support/server.mjs';
import { check, check_if, remove_folder, temp_folder } from './support/suite.mjs';

const long = { timeout: 600_000 };
let server;
let folder;

before(async () => {
  server = await Server.start();
  folder = temp_folder('ladder');
}, { timeout: 120_000 });
after(async () => {
  await server?.close();
  if (folder) remove_folder(folder);
}, { timeout: 180_000 });

const uploads = new Map();
async function upload(file) {
  if (!uploads.has(file)) {
    const stream = fs.createReadStream(file);
    uploads.set(file, (await server.client.upload(stream, path.basename(file))).input);
  }
  return uploads.get(file);
}
async function transcode(file, request) {
  return server.client.done({ input: await upload(file), ...request });
}

let stored = 0;
/// The output's first file: its bytes, and a copy on disk for the tools.
async function fetch_output(output) {
  assert.equal(output.state, 'succeeded', JSON.stringify(output.error));
  const answer = await call('GET', output.url);
  assert.equal(answer.status, 200, answer.text.slice(0, 200));
  const extension = path.extname(new URL(output.url).pathname);
  const file = path.join(folder, `${stored++}-${output.name}${extension}`);
  fs.writeFileSync(file, answer.body);
  return { bytes: answer.body, file, type: answer.headers['content-type'] };
}
const output_named = (task, name) => task.outputs.find((o) => o.name === name);

/// Where two numbers may differ by rounding only.
function near(got, wanted, tolerance, what) {
  assert.ok(Math.abs(got - wanted) <= tolerance, `${what}: ${got}, not ${wanted} ± ${tolerance}`);
}

/// The ladder's source: facts as the sample folder's README states them, or as we made them.
const source = has_shared_clips
  ? { path: clip('bbb-1080p24.mp4'), width: 1920, height: 1080, rate: 24, frames: 288,
      seconds: 12, late: 0.074, channels: 2 }
  : { ...synthesised({ width: 1280, height: 720, rate: 24, frames: 120 }), late: 0, channels: 1 };
const even = (n) => Math.round(n / 2) * 2;
const sized = (short) => ({ width: even((short * source.width) / source.height), height: short });
const rungs = { '720p': sized(720), '480p': sized(480), '360p': sized(360) };

let ladder = null;
async function the_ladder() {
  ladder ??= await transcode(source.path, { template: 'ladder' });
  return ladder;
}

// --- the ladder ---

check('the ladder makes every output the template names', async () => {
  const task = await the_ladder();
  assert.deepEqual(task.outputs.map((o) => [o.name, o.type, o.state]), [
    ['720p', 'video', 'succeeded'], ['480p', 'video', 'succeeded'],
    ['360p', 'video', 'succeeded'], ['hls', 'hls', 'succeeded'], ['cover', 'cover', 'succeeded'],
  ]);
  assert.equal(task.source.video[0].width, source.width);
  assert.equal(task.source.video[0].height, source.height);
  assert.equal(task.source.md5, md5(fs.readFileSync(source.path)));
}, long);

for (const [name, size] of Object.entries(rungs)) {
  check(`${name} has the size, every frame, the sound and the index in front`, async () => {
    const output = output_named(await the_ladder(), name);
    const { bytes, type, file } = await fetch_output(output);
    assert.equal(type, 'video/mp4');
    assert.equal(output.files.length, 1);
    assert.equal(output.files[0].size, bytes.length);
    assert.equal(output.files[0].md5, md5(bytes));
    assert_faststart(bytes);
    const samples = mp4_samples(bytes);
    assert.equal(samples.vide, source.frames);
    assert.ok(samples.soun > 0, 'sound is there');
    const { facts } = output;
    assert.equal(facts.size, bytes.length);
    assert.equal(facts.video.length, 1);
    assert.equal(facts.audio.length, 1);
    assert.equal(facts.video[0].codec, 'h264');
    assert.deepEqual([facts.video[0].width, facts.video[0].height], [size.width, size.height]);
    assert.equal(facts.video[0].frames, source.frames);
    assert.equal(facts.video[0].rotation, 0);
    assert.equal(facts.audio[0].codec, 'aac');
    assert.equal(facts.audio[0].channels, source.channels);
    assert.equal(facts.audio[0].sample_rate, 48_000);
    if (lacks_tools) return;

    const seen = await ffprobe(file, { count: true });
    assert.equal(seen.video.codec_name, 'h264');
    assert.equal(seen.video.pix_fmt, 'yuv420p');
    assert.deepEqual([seen.video.width, seen.video.height], [size.width, size.height]);
    assert.ok(['1:1', undefined, 'N/A'].includes(seen.video.sample_aspect_ratio));
    assert.equal(Number(seen.video.nb_read_frames), source.frames);
    assert.equal(seen.video.avg_frame_rate, `${source.rate}/1`);
    const frame = 1 / source.rate;
    near(Number(seen.video.duration), source.seconds, frame, 'duration of the pictures');
    near(Number(seen.format.duration), facts.duration, frame, 'duration in the document');
    near(facts.duration, source.seconds + source.late, frame + 0.1, 'duration of the whole');
    assert.equal(seen.audio.codec_name, 'aac');
    assert.equal(seen.audio.channels, source.channels);
    assert.equal(Number(seen.audio.sample_rate), 48_000);
    near(Number(seen.video.start_time) - Number(seen.audio.start_time), source.late, frame,
         'pictures stand to the sound as in the source');
    const keys = (await packets_of(file, 'v:0')).filter((p) => p.key).map((p) => p.pts);
    for (let i = 1; i < keys.length; i++) {
      assert.ok(keys[i] - keys[i - 1] <= 2 + frame, `keyframes ${keys[i - 1]} and ${keys[i]}`);
    }
    await assert_decodes(file);
    const ssim = await likeness(file, source.path, size.width, size.height);
    assert.ok(ssim > 0.85, `${name} looks like its source: SSIM ${ssim}`);
  }, long);
}

check('the cover is a JPEG of the source size and shows a frame of the source', async () => {
  const output = output_named(await the_ladder(), 'cover');
  const { bytes, type, file } = await fetch_output(output);
  assert.equal(type, 'image/jpeg');
  assert.deepEqual(jpeg_size(bytes), { width: source.width, height: source.height });
  assert.equal(output.files[0].md5, md5(bytes));
  if (lacks_tools) return;
  const seen = await ffprobe(file);
  assert.equal(seen.video.codec_name, 'mjpeg');
  await assert_decodes(file);
}, long);

/// Everything a player would load: the variants of a master playlist, each with the bytes of its
/// initialisation and its segments, through the signed links that stand in the playlists.
async function load_hls(output) {
  const master = await call('GET', output.url);
  assert.equal(master.status, 200);
  assert.match(master.headers['content-type'], /^application\/vnd\.apple\.mpegurl/);
  const lines = master.text.split('\n').filter(Boolean);
  assert.equal(lines[0], '#EXTM3U');
  const variants = [];
  for (let i = 0; i < lines.length; i++) {
    if (!lines[i].startsWith('#EXT-X-STREAM-INF:')) continue;
    const attributes = Object.fromEntries(
      [...lines[i].slice(18).matchAll(/([A-Z-]+)=("[^"]*"|[^,]*)/g)].map((m) => [m[1], m[2]]));
    variants.push({ attributes, url: new URL(lines[i + 1], output.url).href });
  }
  for (const variant of variants) {
    const playlist = await call('GET', variant.url);
    assert.equal(playlist.status, 200, variant.url);
    variant.text = playlist.text;
    const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist.text)[1];
    const load = async (reference) => {
      const url = new URL(reference, variant.url);
      assert.ok(url.searchParams.get('Signature'), `${reference} carries a signature of its own`);
      const part = await call('GET', url.href);
      assert.equal(part.status, 200, url.href);
      return part.body;
    };
    variant.init = await load(init);
    variant.segments = [];
    const rows = playlist.text.split('\n');
    for (let i = 0; i < rows.length; i++) {
      const found = /^#EXTINF:([\d.]+)/.exec(rows[i]);
      if (!found) continue;
      variant.segments.push({ seconds: Number(found[1]), bytes: await load(rows[i + 1]) });
    }
  }
  return variants;
}

check('the HLS playlists name three variants, whole and with honest rates', async () => {
  const output = output_named(await the_ladder(), 'hls');
  const variants = await load_hls(output);
  assert.deepEqual(variants.map((v) => v.attributes.RESOLUTION),
                   Object.values(rungs).map((s) => `${s.width}x${s.height}`));
  assert.equal(output.renditions.length, 3);
  for (const variant of variants) {
    assert.match(variant.attributes.CODECS, /avc1\.[0-9a-f]{6}.*mp4a\.40\.2/i);
    assert.match(variant.text, /#EXT-X-ENDLIST/);
    assert.match(variant.text, /#EXT-X-INDEPENDENT-SEGMENTS/);
    const target = Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(variant.text)[1]);
    let bits = 0;
    let seconds = 0;
    for (const segment of variant.segments) {
      assert.ok(Math.round(segment.seconds) <= target, 'no segment beyond the target duration');
      const rate = (segment.bytes.length * 8) / segment.seconds;
      if (segment.seconds >= target / 2) {
        assert.ok(rate <= Number(variant.attributes.BANDWIDTH) * 1.001, 'BANDWIDTH is the peak');
      }
      bits += segment.bytes.length * 8;
      seconds += segment.seconds;
    }
    near(seconds, source.seconds + source.late, 0.15, 'segments add up');
    const average = Number(variant.attributes['AVERAGE-BANDWIDTH']);
    near(average, bits / seconds, average * 0.02, 'AVERAGE-BANDWIDTH');
  }
}, long);

check('HLS segments begin at the same times with keyframes in every rendition', async () => {
  const variants = await load_hls(output_named(await the_ladder(), 'hls'));
  const cuts = variants.map((v) => v.segments.map((s) => s.seconds));
  assert.ok(cuts[0].length > 1 || source.seconds <= 6, 'there is more than one segment');
  for (const other of cuts.slice(1)) assert.deepEqual(other, cuts[0]);
  if (lacks_tools) return;
  const starts = [];
  for (const [index, variant] of variants.entries()) {
    const list = [];
    for (const [number, segment] of variant.segments.entries()) {
      const file = path.join(folder, `segment-${index}-${number}.mp4`);
      fs.writeFileSync(file, Buffer.concat([variant.init, segment.bytes]));
      const packets = await packets_of(file, 'v:0');
      assert.ok(packets[0].key, `segment ${number} of rendition ${index} begins with a keyframe`);
      list.push(packets[0].pts.toFixed(4));
    }
    starts.push(list);
  }
  for (const other of starts.slice(1)) assert.deepEqual(other, starts[0]);
}, long);

check('an HLS rendition put together decodes and has every frame and the sound', async () => {
  const variants = await load_hls(output_named(await the_ladder(), 'hls'));
  for (const [index, variant] of variants.entries()) {
    const file = path.join(folder, `rendition-${index}.mp4`);
    fs.writeFileSync(file, Buffer.concat([variant.init, ...variant.segments.map((s) => s.bytes)]));
    if (lacks_tools) continue;
    const seen = await ffprobe(file, { count: true });
    assert.equal(Number(seen.video.nb_read_frames), source.frames);
    const size = Object.values(rungs)[index];
    assert.deepEqual([seen.video.width, seen.video.height], [size.width, size.height]);
    assert.equal(seen.audio.codec_name, 'aac');
    await assert_decodes(file);
  }
}, long);

check('the playlists of the HLS output are listed and served, the master first', async () => {
  const output = output_named(await the_ladder(), 'hls');
  const playlists = output.files.filter((f) => f.name.endsWith('.m3u8'));
  assert.equal(playlists.length, 4, 'a master and three playlists');
  assert.equal(output.files[0].url, output.url);
  for (const file of output.files) {
    const answer = await call('GET', file.url);
    assert.equal(answer.status, 200, file.name);
    assert.equal(answer.headers['content-type'].split(';')[0], file.type);
  }
  const master = (await call('GET', output.files[0].url)).text;
  assert.match(master, /#EXT-X-STREAM-INF/, 'the first is the master');
}, long);

// --- sizes ---

async function size_of(file, video, extra = {}) {
  const outputs = [{ name: 'v', type: 'video', video: { preset: 'ultrafast', ...video } }];
  const task = await transcode(file, { outputs, ...extra });
  const fetched = await fetch_output(task.outputs[0]);
  const [facts] = task.outputs[0].facts.video;
  if (!lacks_tools) {
    const seen = await ffprobe(fetched.file);
    assert.deepEqual([seen.video.width, seen.video.height], [facts.width, facts.height]);
    await assert_decodes(fetched.file);
  }
  return { width: facts.width, height: facts.height, frames: mp4_samples(fetched.bytes).vide };
}

check('a clip smaller than what is asked for is not enlarged', async () => {
  const small = synthesised({ width: 160, height: 120, frames: 10 });
  assert.deepEqual(await size_of(small.path, { short_side: 720 }),
                   { width: 160, height: 120, frames: 10 });
  assert.deepEqual(await size_of(small.path, { width: 640 }),
                   { width: 160, height: 120, frames: 10 });
});

check('a clip is enlarged when that is asked for', async () => {
  const small = synthesised({ width: 160, height: 120, frames: 10 });
  assert.deepEqual(await size_of(small.path, { short_side: 240, enlarge: true }),
                   { width: 320, height: 240, frames: 10 });
});

check('odd sizes become even without growing, and the aspect is kept', async () => {
  const odd = synthesised({ width: 161, height: 121, frames: 10 });
  assert.deepEqual(await size_of(odd.path, {}), { width: 160, height: 120, frames: 10 });
  const wide = synthesised({ width: 320, height: 240, frames: 10 });
  assert.deepEqual(await size_of(wide.path, { width: 202, height: 202 }),
                   { width: 202, height: 152, frames: 10 });
  assert.deepEqual(await size_of(wide.path, { height: 90 }),
                   { width: 120, height: 90, frames: 10 });
});

check_if(lacks_clips, 'a phone clip keeps its portrait shape', async () => {
  const size = await size_of(clip('phone-portrait-1080x1916.mp4'), { short_side: 720 });
  assert.equal(size.width, 720);
  assert.equal(size.height % 2, 0);
  near(size.height / size.width, 1916 / 1080, 2 / 720, 'aspect');
  assert.equal(size.frames, 180);
}, long);

check_if(lacks_clips, 'a rotated phone clip comes out upright', async () => {
  const file = clip('phone-rotated-1276x720.mp4');
  const outputs = [{ name: 'v', type: 'video', video: { preset: 'veryfast' } },
                   { name: 'still', type: 'cover' }];
  const task = await transcode(file, { outputs });
  assert.equal(task.source.video[0].coded_width, 1276);
  assert.equal(task.source.video[0].width, 720);
  assert.ok([90, 270].includes(task.source.video[0].rotation));
  const [facts] = task.outputs[0].facts.video;
  assert.deepEqual([facts.width, facts.height, facts.rotation], [720, 1276, 0]);
  const still = await fetch_output(task.outputs[1]);
  assert.deepEqual(jpeg_size(still.bytes), { width: 720, height: 1276 });
  if (lacks_tools) return;
  const fetched = await fetch_output(task.outputs[0]);
  const seen = await ffprobe(fetched.file, { count: true });
  assert.deepEqual([seen.video.width, seen.video.height], [720, 1276]);
  assert.ok(!(seen.video.side_data_list ?? []).some((s) => s.rotation), 'nothing left to turn');
  assert.equal(Number(seen.video.nb_read_frames), 180);
  const ssim = await likeness(fetched.file, file, 720, 1276);
  assert.ok(ssim > 0.8, `it looks like the source as a player shows it: SSIM ${ssim}`);
}, long);

check_if(lacks_clips, 'pixels that are not square become square, interlaced ones progressive',
         async () => {
  const task = await transcode(clip('interlaced-576i25.ts'), {
    outputs: [{ name: 'v', type: 'video', video: { short_side: 480, preset: 'ultrafast' } }],
  });
  const [facts] = task.outputs[0].facts.video;
  assert.equal(facts.height, 480);
  near(facts.width, (480 * 16) / 9, 2, 'width');
  assert.equal(facts.sar, '1/1');
  assert.ok(['progressive', ''].includes(facts.field_order), facts.field_order);
}, long);

// --- streams that are not there ---

const audio_source = () => clip('audio-only.m4a');
check_if(lacks_clips, 'a source without picture gives sound; only the cover fails', async () => {
  const task = await transcode(audio_source(), { template: 'ladder' });
  for (const name of ['720p', '480p', '360p']) {
    const { bytes, file } = await fetch_output(output_named(task, name));
    const samples = mp4_samples(bytes);
    assert.equal(samples.vide, undefined, 'no picture is made up');
    assert.ok(samples.soun > 500);
    if (lacks_tools) continue;
    const seen = await ffprobe(file);
    near(Number(seen.audio.duration), 12.1, 0.1, 'duration');
    await assert_decodes(file);
  }
  const variants = await load_hls(output_named(task, 'hls'));
  assert.ok(variants.length >= 1);
  for (const variant of variants) assert.equal(variant.attributes.RESOLUTION, undefined);
  const cover = output_named(task, 'cover');
  assert.equal(cover.state, 'failed');
  assert.equal(cover.error.code, 'unsupported');
  assert.match(cover.error.message, /picture/);
  assert.equal(cover.url, null);
}, long);

check('a source without sound gives pictures without sound', async () => {
  const mute = synthesised({ sound: false, frames: 30 });
  const task = await transcode(mute.path, { template: 'ladder' });
  for (const name of ['720p', '480p', '360p']) {
    const output = output_named(task, name);
    const { bytes } = await fetch_output(output);
    assert.deepEqual(mp4_samples(bytes), { vide: mute.frames });
    assert.deepEqual(output.facts.audio, []);
  }
  for (const variant of await load_hls(output_named(task, 'hls'))) {
    assert.doesNotMatch(variant.attributes.CODECS, /mp4a/);
  }
});

check('an output can be asked for without its picture or without its sound', async () => {
  const file = synthesised().path;
  const outputs = [{ name: 'sound', type: 'video', video: false },
                   { name: 'mute', type: 'video', audio: false, video: { preset: 'ultrafast' } }];
  const task = await transcode(file, { outputs });
  const sound = await fetch_output(task.outputs[0]);
  const mute = await fetch_output(task.outputs[1]);
  assert.deepEqual(Object.keys(mp4_samples(sound.bytes)), ['soun']);
  assert.deepEqual(Object.keys(mp4_samples(mute.bytes)), ['vide']);
});

check('one output that cannot be made fails alone', async () => {
  const mute = synthesised({ sound: false, frames: 30 });
  const outputs = [{ name: 'sound', type: 'video', video: false },
                   { name: 'v', type: 'video', video: { preset: 'ultrafast' } }];
  const task = await transcode(mute.path, { outputs });
  assert.equal(task.state, 'succeeded');
  assert.equal(task.outputs[0].state, 'failed');
  assert.equal(task.outputs[0].error.code, 'unsupported');
  assert.equal(task.outputs[1].state, 'succeeded');
});

// --- rates ---

async function bitrate_of(video) {
  const outputs = [{ name: 'v', type: 'video', video: { short_side: 360, ...video },
                     audio: false }];
  const task = await transcode(source.path, { outputs });
  const { bytes } = await fetch_output(task.outputs[0]);
  return (bytes.length * 8) / source.seconds;
}

check('an average bitrate is met', async () => {
  const rate = await bitrate_of({ bitrate: 400_000 });
  assert.ok(rate > 400_000 * 0.7 && rate < 400_000 * 1.3, `${Math.round(rate)} bit/s`);
}, long);

check('a capped quality stays below its cap, and the cap is what limits it', async () => {
  const free = await bitrate_of({ crf: 14 });
  const cap = Math.round(free / 3);
  const capped = await bitrate_of({ crf: 14, max_rate: cap });
  // A buffer of two seconds may be spent at the start.
  const most = cap * (1 + 2 / source.seconds) * 1.05;
  assert.ok(capped <= most, `${Math.round(capped)} bit/s under a cap of ${cap}`);
  assert.ok(capped > cap * 0.4, `${Math.round(capped)} bit/s under a cap of ${cap}`);
}, long);

check('a higher quality costs more than a lower one', async () => {
  assert.ok((await bitrate_of({ crf: 18 })) > 1.5 * (await bitrate_of({ crf: 30 })));
}, long);

check('a frame-rate cap thins frames evenly and never adds any', async () => {
  const clip25 = synthesised();
  const outputs = [10, 60].map((max_frame_rate) => ({
    name: `at${max_frame_rate}`, type: 'video', video: { preset: 'ultrafast', max_frame_rate },
  }));
  const task = await transcode(clip25.path, { outputs });
  const thin = mp4_samples((await fetch_output(task.outputs[0])).bytes).vide;
  near(thin, clip25.seconds * 10, 1, 'frames at 10 a second');
  const same = mp4_samples((await fetch_output(task.outputs[1])).bytes).vide;
  assert.equal(same, clip25.frames);
});

check('a cover is taken at the time asked for, in the form asked for', async () => {
  const outputs = [{ name: 'early', type: 'cover', at: 0.2, format: 'png', short_side: 120 },
                   { name: 'late', type: 'cover', at: '90%', short_side: 120 }];
  const task = await transcode(synthesised().path, { outputs });
  const early = await fetch_output(task.outputs[0]);
  const late = await fetch_output(task.outputs[1]);
  assert.equal(early.type, 'image/png');
  assert.deepEqual([early.bytes.readUInt32BE(16), early.bytes.readUInt32BE(20)], [160, 120]);
  assert.deepEqual(jpeg_size(late.bytes), { width: 160, height: 120 });
  await assert_decodes(early.file);
  await assert_decodes(late.file);
});
